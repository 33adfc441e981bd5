"""What is looked after from time to time: submissions that a crash left half-way, or failed."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from shared.dispatch import mark_dead_lettered
from shared.errors import StorageCorruptError
from shared.indexing import refile
from shared.intake import record_name
from shared.outcomes import Outcomes
from shared.ports import InstanceState, SubmissionState
from shared.reception import finish_cut_off, remove_cut_off

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from datetime import datetime

    from shared.intake import Intake
    from shared.ports import Clock, EventPublisher, Instance

logger = logging.getLogger(__name__)

_GRACE_S = 24 * 3600.0  # in which whoever was cut off may send again
_MOST = 1000
_SETTLED = (SubmissionState.DEAD_LETTERED, SubmissionState.DONE)  # no failure gives these up anew


class FailedInstances(Protocol):
    """The part of an engine that tells which instances need a person."""

    async def failed(self, limit: int = 100) -> Sequence[Instance]:
        """Failed instances, the latest first."""
        ...


class EndedInstances(Protocol):
    """The part of an engine that forgets."""

    async def purge_ended(self, before: datetime) -> int:
        """Forget instances that have ended and were started before; how many."""
        ...


async def purge_ended(engine: EndedInstances, clock: Clock, *, keep_days: float) -> None:
    """Forget what ended long ago, so that asking for failed instances costs no more each month.
    Records and outcomes stay, and by the index a submission that is done is not started again.
    """
    count = await engine.purge_ended(clock.now() - timedelta(days=keep_days))
    if count:
        logger.info("old instances purged", extra=_counted("instances_purged", count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Repairs what a crash left between two steps. Every repair is harmless when repeated."""

    intake: Intake
    engine: FailedInstances
    publisher: EventPublisher
    damaged: set[str] = field(default_factory=set[str])  # that was told of

    async def repair(self) -> None:
        """Queue the submissions that have a record and whose process died right after, and remove,
        after a day, what has none: until then whoever was cut off may send again.

        It costs one look into the journal, and a few requests for each submission that was cut off.
        Only the first look of all, at a store that is older than its journal, goes through all.
        """
        journal, queued, removed = self.intake.turns.journal, 0, 0
        if not await journal.is_complete():
            await self._look_at_all()
            await journal.set_complete()
        now = self.intake.clock.now().timestamp()
        for each in await journal.cut_off(now=now):
            with self._damage_left_alone(each.submission_id):
                if await self.intake.known(each.submission_id) is not None:
                    queued += await finish_cut_off(self.intake, each.submission_id)
                elif each.begun_at < now - _GRACE_S:
                    removed += await remove_cut_off(self.intake, each.submission_id)
        if queued:
            logger.info("forgotten submissions queued", extra=_counted("sweep_queued", queued))
        if removed:
            logger.info("cut-off submissions removed", extra=_counted("sweep_removed", removed))

    async def _look_at_all(self) -> None:
        """Note what was cut off before there was a journal, and file what an older release has
        concluded under its categories.
        """
        recorded: set[str] = set()
        seen: set[str] = set()
        async for name in self.intake.blobs.list("submissions/"):
            submission_id = name.split("/")[1]
            seen.add(submission_id)
            if name == record_name(submission_id):
                recorded.add(submission_id)
        filed = 0
        for submission_id in sorted(seen):
            entry = await self.intake.index.get(submission_id)
            is_begun = entry is not None and entry.state is not SubmissionState.ACCEPTED
            if submission_id not in recorded or not is_begun:
                await self._note(submission_id)
            elif entry and entry.state is SubmissionState.DONE and entry.categories is None:
                with self._damage_left_alone(submission_id):
                    await refile(self.intake.index, Outcomes(blobs=self.intake.blobs), entry)
                    filed += 1
        if filed:
            logger.info("submissions filed", extra=_counted("sweep_filed", filed))

    async def _note(self, submission_id: str) -> None:
        """As if it had been cut off now. Whoever is sending it just now settles that."""
        journal, now = self.intake.turns.journal, self.intake.clock.now().timestamp()
        attempt = await journal.begin(submission_id, now=now, until=now)
        if attempt is not None:
            await journal.end(attempt, settled=False)

    @contextmanager
    def _damage_left_alone(self, submission_id: str) -> Generator[None]:
        """A damaged record or outcome is no reason to leave the others; it is told once."""
        try:
            yield
        except StorageCorruptError as exc:
            if submission_id in self.damaged:
                return
            self.damaged.add(submission_id)
            logger.exception(
                "damaged record left alone",
                extra={
                    "action": "record_damaged",
                    "submission_id": submission_id,
                    "reason": str(exc),
                },
            )

    async def put_failed_aside(self) -> int:
        """Make every failed orchestration visible as a dead letter, with its reason, unless its
        submission was concluded before it failed.
        """
        marked = 0
        for instance in await self.engine.failed(_MOST):
            if instance.state is not InstanceState.FAILED or ":" in instance.instance_id:
                continue
            entry = await self.intake.index.get(instance.instance_id)
            if entry is None or entry.state in _SETTLED:
                continue
            await mark_dead_lettered(
                self.intake.index,
                self.publisher,
                self.intake.clock,
                instance.instance_id,
                instance.failure,
            )
            facts = {
                "action": "submission_dead_lettered",
                "submission_id": instance.instance_id,
                "reason": instance.failure,
            }
            logger.error("submission put aside", extra=facts)
            self.intake.telemetry.count("submissions_dead_lettered")
            marked += 1
        if marked:
            logger.error("failed submissions put aside", extra=_counted("sweep_put_aside", marked))
        return marked


def _counted(action: str, count: int) -> dict[str, object]:
    return {"action": action, "count": count}
