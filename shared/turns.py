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
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from shared.errors import IngestError
from shared.ids import blob_prefix
from shared.renewal import Renewed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.ports import Clock, IntakeAttempt, IntakeJournal

logger = logging.getLogger(__name__)

_LIVES_S = 20.0  # after that a dead process is nobody's obstacle
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
            facts = {"submission_id": submission_id}
            kept = Renewed(attempt, self._renew, lives_s=self._lives_s, facts=facts)
            turn = Turn(submission_id, attempt.number)
            try:
                async with kept:
                    yield turn
            finally:
                await asyncio.shield(self._end(kept.value, turn))

    async def _begin(self, submission_id: str) -> IntakeAttempt:
        while True:
            now = self._now()
            until = now + self._lives_s
            attempt = await self.journal.begin(submission_id, now=now, until=until)
            if attempt is not None:
                return attempt
            await asyncio.sleep(_LOOK_S)

    async def _renew(self, attempt: IntakeAttempt) -> IntakeAttempt | None:
        """One that cannot be renewed goes on: it may come to nothing, and can harm no other."""
        return await self.journal.renew(attempt, until=self._now() + self._lives_s)

    async def _end(self, attempt: IntakeAttempt, turn: Turn) -> None:
        try:
            await self.journal.end(attempt, settled=turn.settled)
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
