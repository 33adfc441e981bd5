"""One at a time per submission, whichever process it is that takes it in.

Two that take the same submission in at once would write, and after a failure remove, each other's
blobs. So an attempt waits for its turn. A turn that is not renewed runs out, because processes die;
and because they may also only sleep, each attempt that may have company has a number, and a folder,
of its own: what it writes and removes is never another's. Which attempt counts is told by the
record, which only one of them can create.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from shared.errors import IngestError
from shared.ids import blob_prefix

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.ports import Clock, IntakeAttempt, IntakeJournal

logger = logging.getLogger(__name__)

_LIVES_S = 20.0  # after that a dead process is nobody's obstacle
_RENEWED_AFTER = 1 / 3  # of its life
_LOOK_S = 0.25  # whether the other has finished


@dataclass(slots=True)
class Turn:
    """The right to take a submission in. Whoever has it sets `settled` when nothing is left to be
    done, neither by an attempt that comes again nor by the sweep.
    """

    submission_id: str
    number: int
    settled: bool = False

    @property
    def folder(self) -> str:
        """Where the original and the media of this attempt go, with the slash at its end."""
        first = blob_prefix(self.submission_id)
        return first if self.number == 1 else f"{first}attempts/{self.number}/"

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What the names of this attempt's blobs begin with, and no others."""
        return (f"{self.folder}original.eml", f"{self.folder}media/")

    def earlier(self) -> tuple[Turn, ...]:
        """The attempts before this one; they are over, or will come to nothing."""
        return tuple(Turn(self.submission_id, number) for number in range(1, self.number))


class Turns:
    """Gives turns, and keeps them for as long as they are used."""

    def __init__(self, journal: IntakeJournal, clock: Clock, *, lives_s: float = _LIVES_S) -> None:
        self.journal = journal
        self._clock = clock
        self._lives_s = lives_s
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, submission_id: str) -> AsyncGenerator[Turn]:
        """Wait for the turn of a submission, and have it for as long as the block lasts."""
        async with self._locks.setdefault(submission_id, asyncio.Lock()):
            attempt = await self._begin(submission_id)
            over = asyncio.Event()
            renewing = asyncio.create_task(self._renew(attempt, over))
            turn = Turn(submission_id, attempt.number)
            try:
                yield turn
            finally:
                over.set()
                await asyncio.shield(self._end(renewing, turn))

    async def _begin(self, submission_id: str) -> IntakeAttempt:
        while True:
            now = self._now()
            until = now + self._lives_s
            attempt = await self.journal.begin(submission_id, now=now, until=until)
            if attempt is not None:
                return attempt
            await asyncio.sleep(_LOOK_S)

    async def _renew(self, attempt: IntakeAttempt, over: asyncio.Event) -> IntakeAttempt:
        """Renew an attempt until it is over; as it stands then. One that cannot be renewed goes on:
        it may come to nothing, and can harm no other.
        """
        while not over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lives_s * _RENEWED_AFTER):
                    await over.wait()
                    return attempt
            with suppress(IngestError):
                until = self._now() + self._lives_s
                attempt = await self.journal.renew(attempt, until=until) or attempt
        return attempt

    async def _end(self, renewing: asyncio.Task[IntakeAttempt], turn: Turn) -> None:
        try:
            await self.journal.end(await renewing, settled=turn.settled)
        except IngestError as exc:
            logger.warning(
                "end of an intake not noted, the sweep will look",
                extra={
                    "action": "intake_end_not_noted",
                    "submission_id": turn.submission_id,
                    "error": type(exc).__name__,
                },
            )

    def _now(self) -> float:
        return self._clock.now().timestamp()
