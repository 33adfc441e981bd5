"""A mailbox as a queue: discover, claim, receive, file away. Works on any Mailbox.

Each message has its own slot, its own time limit and its own count of attempts, so a bad one delays
nobody but itself. What is not the message's fault (a service that is down, a full disk, another
process that has the turn of its submission) is not counted. Not here: what is inside a message
(`receive`), and where a mailbox keeps its claims.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mail_ingest.ports import SOURCE
from mail_ingest.receive import MailOrigin
from shared import events
from shared.errors import (
    IngestError,
    ServiceUnavailableError,
    StorageFullError,
    TooLargeError,
    log_text,
)
from shared.renewal import Renewed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from mail_ingest.ports import Claim, Mailbox, MailboxMessage
    from shared.ports import Clock, EventPublisher

logger = logging.getLogger(__name__)

_NOBODYS_FAULT = (ServiceUnavailableError, StorageFullError)
_BATCH = 200  # messages per look into the mailbox
_LONGEST_RETRY_S = 600.0


class Receive(Protocol):
    """Takes one raw message from start to end; durable on return, harmless when repeated."""

    async def __call__(self, chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> object:
        """Raises TooLargeError for good; whatever else it raises, a retry may cure."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """How a mailbox is worked off. Graph allows four calls at a time per mailbox."""

    concurrency: int = 4
    interval_s: float = 0.5  # between two looks while nothing comes
    lifetime_s: float = 900.0  # of one receive
    claim_s: float = 60.0  # renewed meanwhile; so soon another process has what a dead one had
    max_attempts: int = 5
    retry_delay_s: float = 10.0  # after the first bad attempt; doubled after each
    pause_s: float = 5.0  # when a service is down or the disk is full
    longest_pause_s: float = 300.0  # whatever a service asks for: a timer function ends in an hour


class MailboxPoller:
    """Works off one mailbox until it is cancelled."""

    def __init__(
        self,
        mailbox: Mailbox,
        receive: Receive,
        *,
        publisher: EventPublisher,
        clock: Clock,
        policy: PollPolicy | None = None,
    ) -> None:
        self._mailbox = mailbox
        self._receive = receive
        self._publisher = publisher
        self._clock = clock
        self._policy = policy or PollPolicy()
        self._slots = asyncio.Semaphore(self._policy.concurrency)
        self._paused_until = 0.0  # on the event loop's clock

    @property
    def _claim_s(self) -> float:
        return min(self._policy.claim_s, self._policy.lifetime_s)

    async def run(self) -> None:
        """Poll for ever. Cancelling it gives the messages under way back, uncounted."""
        async with asyncio.TaskGroup() as group:
            while True:
                if not await self._round(group):
                    await self._mailbox.wait(self._policy.interval_s)

    async def poll_once(self) -> int:
        """Look once, and finish what was found; how many messages were claimed."""
        async with asyncio.TaskGroup() as group:
            return await self._round(group)

    async def _round(self, group: asyncio.TaskGroup) -> int:
        try:
            waiting = await self._mailbox.discover(limit=_BATCH)
            taken = [await self._begin(message, group) for message in waiting]
        except _NOBODYS_FAULT as exc:
            facts = {"action": "mailbox_unavailable", "reason": str(exc)}
            logger.warning("mailbox unavailable", extra=facts)
            self._pause(exc)
            taken = []
        except Exception as exc:  # what nobody has foreseen must not end the poll
            facts = {"action": "mailbox_unavailable", "reason": log_text(exc)}
            logger.exception("mailbox unavailable", extra=facts)
            self._pause(exc)
            taken = []
        await self._sit_out_pause()
        return sum(taken)

    async def _begin(self, message: MailboxMessage, group: asyncio.TaskGroup) -> bool:
        """Claim a message once a slot is free, and work on it beside the others."""
        await self._slots.acquire()
        claim = None
        try:
            await self._sit_out_pause()
            claim = await self._mailbox.claim(message, lifetime_s=self._claim_s)
        finally:
            if claim is None:
                self._slots.release()
        if claim is not None:
            group.create_task(self._work(claim)).add_done_callback(lambda _: self._slots.release())
        return claim is not None

    async def _work(self, claim: Claim) -> None:
        facts = _facts("renewal_failed", claim)
        kept = Renewed(claim, self._renew, lives_s=self._claim_s, facts=facts)
        try:
            await self._receive_and_file(kept)
        except asyncio.CancelledError:
            await self._release(kept.value, attempts=claim.attempt - 1, delay_s=0.0)
            raise
        except _NOBODYS_FAULT as exc:
            await self._postpone(kept.value, exc)
        except TooLargeError as exc:
            await self._give_up(kept.value, str(exc), reason="too_large")
        except Exception as exc:  # one bad message must not end the poll
            facts = {**_facts("message_failed", claim), "reason": log_text(exc)}
            unforeseen = not isinstance(exc, IngestError)
            logger.warning("message failed", extra=facts, exc_info=unforeseen)
            await self._after_failure(kept.value, exc)

    async def _receive_and_file(self, kept: Renewed[Claim]) -> None:
        claim = kept.value
        if claim.attempt > self._policy.max_attempts:  # each ended with the process
            await self._give_up(claim, "The program stopped each time it worked on this mail.")
            return
        message = _Asked(self._mailbox.read(claim))
        try:
            async with (
                kept,
                asyncio.timeout(self._policy.lifetime_s),
                aclosing(message.read()) as chunks,
            ):
                await self._receive(chunks, origin=_origin(claim))
        except TimeoutError as exc:
            if message.asked_for:
                raise
            raise ServiceUnavailableError("intake", "nobody began to read the mail") from exc
        await self._mailbox.file_processed(kept.value)

    async def _renew(self, claim: Claim) -> Claim | None:
        return await self._mailbox.renew(claim, lifetime_s=self._claim_s)

    async def _after_failure(self, claim: Claim, exc: Exception) -> None:
        if claim.attempt >= self._policy.max_attempts:
            why = (
                str(exc) if isinstance(exc, IngestError) else f"{type(exc).__name__}; see the log."
            )
            await self._give_up(claim, f"It failed {claim.attempt} times. {why}")
            return
        delay_s = self._policy.retry_delay_s * 2 ** (claim.attempt - 1)
        await self._give_back(claim, attempts=claim.attempt, delay_s=min(delay_s, _LONGEST_RETRY_S))

    async def _give_up(self, claim: Claim, description: str, *, reason: str = "poison") -> None:
        """Tell first, move last: a crash between the two tells again, under the same event ID."""
        event = events.dead_lettered(claim.submission_id, description, self._clock.now())
        try:
            await self._publisher.publish(event)
            await self._mailbox.dead_letter(claim, reason=reason, description=description)
        except _NOBODYS_FAULT as exc:
            await self._postpone(claim, exc)
        except Exception:  # must not end the poll either
            logger.exception("message not put aside", extra=_facts("message_failed", claim))
            await self._give_back(claim, attempts=claim.attempt, delay_s=_LONGEST_RETRY_S)
        else:
            facts = {**_facts("message_dead_lettered", claim), "reason": description}
            logger.error("message dead-lettered", extra=facts)

    async def _postpone(self, claim: Claim, exc: Exception) -> None:
        """Give a message back that is not to blame."""
        facts = {**_facts("message_postponed", claim), "reason": str(exc)}
        logger.warning("message postponed", extra=facts)
        pause_s = self._pause(exc)
        await self._give_back(claim, attempts=claim.attempt - 1, delay_s=2 * pause_s)

    async def _give_back(self, claim: Claim, *, attempts: int, delay_s: float) -> None:
        """Try until it is done: whoever claims it next would wait until this claim ends by itself,
        and what was down a moment ago may well be what keeps the claims.
        """
        deadline = asyncio.get_running_loop().time() + self._claim_s
        while not await self._release(claim, attempts=attempts, delay_s=delay_s):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(self._policy.pause_s)

    async def _release(self, claim: Claim, *, attempts: int, delay_s: float) -> bool:
        try:
            await self._mailbox.release(claim, attempts=attempts, delay_s=delay_s)
        except _NOBODYS_FAULT:
            logger.warning("release failed", extra=_facts("message_release_failed", claim))
            return False
        except Exception:  # must not end the poll either
            logger.exception("release failed", extra=_facts("message_release_failed", claim))
            return False
        return True

    def _pause(self, exc: Exception) -> float:
        """Let no new message begin for a while; for how many seconds."""
        asked = exc.retry_after_s if isinstance(exc, ServiceUnavailableError) else None
        pause_s = asked if asked is not None else self._policy.pause_s
        pause_s = min(pause_s, self._policy.longest_pause_s)
        now = asyncio.get_running_loop().time()
        self._paused_until = max(self._paused_until, now + pause_s)
        return pause_s

    async def _sit_out_pause(self) -> None:
        await asyncio.sleep(max(0.0, self._paused_until - asyncio.get_running_loop().time()))


class _Asked:
    """A raw message that notes whether anybody began to read it."""

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        self._chunks = chunks
        self.asked_for = False

    async def read(self) -> AsyncGenerator[bytes]:
        self.asked_for = True
        async with aclosing(self._chunks):
            async for chunk in self._chunks:
                yield chunk


def _origin(claim: Claim) -> MailOrigin:
    return MailOrigin(
        source=SOURCE,
        key=claim.key,
        received_at=claim.received_at,
        from_exchange=claim.from_exchange,
    )


def _facts(action: str, claim: Claim) -> dict[str, object]:
    return {"action": action, "submission_id": claim.submission_id, "attempt": claim.attempt}
