"""A link of the SDK to a queue or topic that is kept open, and given up at its first fault.

After some errors azure-servicebus (7.15) goes on with a link that the service has ended: after
``server-busy`` and ``com.microsoft:timeout`` it repeats the error without asking again, for as long
as the process lives (`shutdown_handler` in its exceptions.py). After others it closes the link
under everybody who is at work on it, and each of them may open it again behind the others' backs.
So nobody is let onto a link that has shown a fault: whoever is on it goes to the next one.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from adapters.azure.service_bus import SERVICE, service_bus_errors_translated
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    type Work[Link, Result] = Callable[[Link], Coroutine[Any, Any, Result]]

_PAUSES_S = (0.2, 1.5)  # before the second and the third try
_LAST_TRY_S = 10.0  # no try begins later: a peer that hangs has used up our patience by then
_LONGEST_CLOSING_S = 5.0


class SdkLink(Protocol):
    """What a sender and a receiver of the SDK have in common."""

    async def __aenter__(self) -> Any:
        """Open it."""
        ...

    async def close(self) -> None:
        """Close it for good."""
        ...


@dataclass(slots=True, eq=False)
class _Open[Link: SdkLink]:
    link: Link
    at_work: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])
    given_up: bool = False


class KeptLink[Link: SdkLink]:
    """A link to `entity`; it opens when it is used. Belongs to one event loop."""

    def __init__(self, entity: str, make: Callable[[], Link]) -> None:
        self._entity = entity
        self._make = make
        self._open: _Open[Link] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether there is a link now."""
        return self._open is not None

    async def use[Result](self, work: Work[Link, Result]) -> Result:
        """Do something on the link, and after a fault again on the next one: twice must be
        harmless. What is done when the caller is cancelled is cancelled too. Raises
        ServiceUnavailableError, StorageFullError and TooLargeError.
        """
        loop = asyncio.get_running_loop()
        last_try = loop.time() + _LAST_TRY_S
        for pause_s in _PAUSES_S:
            try:
                return await self._use_once(work)
            except ServiceUnavailableError:
                if self._is_closed or loop.time() + pause_s > last_try:
                    raise
            await asyncio.sleep(pause_s)
        return await self._use_once(work)

    async def close(self) -> None:
        """Close the link, also under those who are at work on it."""
        self._is_closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._open is not None:
            self._give_up(self._open)
        if self._closing:
            await asyncio.wait(self._closing)

    async def _use_once[Result](self, work: Work[Link, Result]) -> Result:
        with service_bus_errors_translated(self._entity):
            opened = await self._opened()
            task = asyncio.create_task(work(opened.link))
            opened.at_work.add(task)
            task.add_done_callback(opened.at_work.discard)
            try:
                await _ended(task)
            finally:
                if _has_failed(task):
                    self._give_up(opened)
            if task.cancelled():
                raise self._gone("its link has ended")
            return task.result()

    async def _opened(self) -> _Open[Link]:
        while not self._is_closed:
            if self._open is not None:
                return self._open
            if self._opening is None:  # one opens it for all
                self._opening = asyncio.create_task(self._open_new())
                self._opening.add_done_callback(_has_failed)  # it is heard, if nobody waits too
            opening = self._opening
            await asyncio.wait([opening])
            if not opening.cancelled():
                opening.result()
        raise self._gone("it was closed")

    async def _open_new(self) -> None:
        opened = _Open(self._make())
        try:
            await opened.link.__aenter__()
        except BaseException:
            self._give_up(opened)  # it may be half open
            raise
        finally:
            self._opening = None
        self._open = opened

    def _give_up(self, opened: _Open[Link]) -> None:
        """Use this link no more, and close it when nobody is on it."""
        if opened.given_up:
            return
        opened.given_up = True
        if self._open is opened:
            self._open = None
        for task in opened.at_work:
            task.cancel()
        closing = asyncio.create_task(_close(opened))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _gone(self, why: str) -> ServiceUnavailableError:
        return ServiceUnavailableError(SERVICE, f"{self._entity}: {why}")


@asynccontextmanager
async def kept_for_now[Link: SdkLink](
    entity: str, make: Callable[[], Link]
) -> AsyncGenerator[KeptLink[Link]]:
    """A link of the block's own."""
    link = KeptLink(entity, make)
    try:
        yield link
    finally:
        await link.close()


async def _ended(task: asyncio.Task[Any]) -> None:
    """Wait for the end of a task; when we are cancelled, end it."""
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return not task.done() or task.cancelled() or task.exception() is not None


async def _close(opened: _Open[Any]) -> None:
    """Whatever comes of it: what we do not end, the service ends after a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_CLOSING_S):
            if opened.at_work:
                await asyncio.wait(opened.at_work)
            await asyncio.gather(opened.link.close(), return_exceptions=True)
