"""Looks host names up, in threads of its own and in bounded time.

A name whose server is dead holds a thread for as long as the system's resolver waits for it, half a
minute or more, and nothing ends that sooner. So look-ups share no thread pool with anything else,
nobody waits for one longer than the limit, and one that is stuck counts against the share of the
client that asked for it, not against the others'.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SERVICE = "name resolution"

type Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, none if it does not exist. Blocks; raises ServiceUnavailableError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpLimits:
    """How many look-ups run at a time and how long one may take once it has begun (`time_s`).
    `queue_s` and `most_waiting` (of one owner) are for the wait before it begins.
    """

    at_once: int = 64
    per_owner: int = 8
    per_host: int = 2  # of one owner
    most_waiting: int = 200
    time_s: float = 5.0
    queue_s: float = 30.0


class NameLookup:
    """Looks names up for several owners, none of whom can use up the others' share."""

    def __init__(self, resolve: Resolve | None = None, limits: LookUpLimits | None = None) -> None:
        self._resolve = resolve or system_resolve
        self._limits = limits or LookUpLimits()
        self._all = asyncio.Semaphore(self._limits.at_once)
        self._shares: WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = (
            WeakValueDictionary()
        )
        self._waiting: dict[str, int] = {}

    async def addresses(self, host: str, port: int, *, owner: str) -> Sequence[str]:
        """The addresses of a host, none when it does not exist. Raises ServiceUnavailableError when
        no answer comes in time, or too many look-ups of this owner are under way.
        """
        if _is_address(host):
            return (host,)
        slots = await self._slots(owner, host)
        found = self._begin(host, port, slots)
        try:
            async with asyncio.timeout(self._limits.time_s):
                return await asyncio.shield(found)
        except TimeoutError as exc:
            raise ServiceUnavailableError(_SERVICE, "no answer in time") from exc

    async def _slots(self, owner: str, host: str) -> tuple[asyncio.Semaphore, ...]:
        """A slot of the host's, the owner's and everybody's look-ups."""
        waiting = self._waiting.get(owner, 0)
        if waiting >= self._limits.most_waiting:
            raise ServiceUnavailableError(_SERVICE, "too many look-ups wait")
        self._waiting[owner] = waiting + 1
        try:
            async with asyncio.timeout(self._limits.queue_s):
                return await _acquire_all(
                    self._share(owner, host, self._limits.per_host),
                    self._share(owner, "", self._limits.per_owner),
                    self._all,
                )
        except TimeoutError as exc:
            raise ServiceUnavailableError(_SERVICE, "other look-ups are stuck") from exc
        finally:
            self._waiting[owner] -= 1
            if not self._waiting[owner]:
                del self._waiting[owner]

    def _share(self, owner: str, host: str, most: int) -> asyncio.Semaphore:
        return self._shares.setdefault((owner, host), asyncio.Semaphore(most))

    def _begin(
        self, host: str, port: int, slots: tuple[asyncio.Semaphore, ...]
    ) -> asyncio.Future[Sequence[str]]:
        """Start the look-up. Its slots are free again when its thread has ended, not when nobody
        waits for it any more: otherwise there would be no bound on stuck threads.
        """
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[str]] = loop.create_future()
        found.add_done_callback(_retrieve)

        def end(addresses: Sequence[str], failure: Exception | None) -> None:
            for slot in slots:
                slot.release()
            if failure is None:
                found.set_result(addresses)
            else:
                found.set_exception(failure)

        def work() -> None:
            addresses, failure = (), None
            try:
                addresses = self._resolve(host, port)
            except Exception as exc:  # noqa: BLE001 - it is raised where the look-up is waited for
                failure = exc
            if not loop.is_closed():
                loop.call_soon_threadsafe(end, addresses, failure)

        # A daemon: a pool's threads are joined at the interpreter's end, which a stuck one delays.
        threading.Thread(target=work, name="name-lookup", daemon=True).start()
        return found


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system; see `Resolve`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as exc:
        if exc.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}:
            return ()
        raise ServiceUnavailableError(_SERVICE, exc.strerror or "") from exc
    except (OSError, UnicodeError):
        return ()
    return [str(entry[4][0]) for entry in found]


async def _acquire_all(*slots: asyncio.Semaphore) -> tuple[asyncio.Semaphore, ...]:
    held: list[asyncio.Semaphore] = []
    try:
        for slot in slots:
            await slot.acquire()
            held.append(slot)
    except BaseException:
        for slot in held:
            slot.release()
        raise
    return slots


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _retrieve(found: asyncio.Future[Sequence[str]]) -> None:
    """Look at a failure that nobody waits for any more, so that asyncio does not log it."""
    if not found.cancelled():
        found.exception()
