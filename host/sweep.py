"""What is looked after from time to time: submissions that a crash left half-way, or failed."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.dispatch import mark_dead_lettered
from shared.errors import IngestError, StorageCorruptError
from shared.ids import blob_prefix
from shared.indexing import refile
from shared.intake import record_name
from shared.outcomes import Outcomes
from shared.ports import InstanceState, SubmissionState

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from shared.intake import Intake
    from shared.ports import Instance

logger = logging.getLogger(__name__)

_EVERY_S = 60.0
_ROUNDS_OF_GRACE = 24 * 60  # a day, in which whoever was cut off may send again
_MOST = 1000


class FailedInstances(Protocol):
    """The part of an engine that tells which instances need a person."""

    async def failed(self, limit: int = 100) -> Sequence[Instance]:
        """Failed instances, the latest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Repairs what a crash left between two steps. Every repair is harmless when repeated."""

    intake: Intake
    engine: FailedInstances

    async def run(self) -> None:
        """Repair at the start, then look for failed instances until cancelled."""
        half_way: frozenset[str] | None = None
        rounds = 0
        while True:
            try:
                if half_way is None:
                    half_way = await self.enqueue_forgotten()
                await self.put_failed_aside()
                if rounds == _ROUNDS_OF_GRACE:
                    await self.remove_half_way(half_way)
            except IngestError as exc:
                logger.warning(
                    "sweep not finished, will try again",
                    extra={"action": "sweep_failed", "error": str(exc)},
                )
            rounds += 1
            await asyncio.sleep(_EVERY_S)

    async def enqueue_forgotten(self) -> frozenset[str]:
        """Queue the submissions whose record was written and whose process died right after, and
        file those that an older release has concluded under their categories. Gives the IDs that
        have blobs and no record: somebody may be sending them just now.
        """
        recorded: set[str] = set()
        seen: set[str] = set()
        async for name in self.intake.blobs.list("submissions/"):
            submission_id = name.split("/")[1]
            seen.add(submission_id)
            if name == record_name(submission_id):
                recorded.add(submission_id)
        queued = filed = 0
        for submission_id in sorted(recorded):
            entry = await self.intake.index.get(submission_id)
            with _damage_left_alone(submission_id):
                if entry is None:
                    queued += await self._enqueue(submission_id)
                elif entry.state is SubmissionState.DONE and entry.categories is None:
                    await refile(self.intake.index, Outcomes(blobs=self.intake.blobs), entry)
                    filed += 1
        if queued:
            logger.info("forgotten submissions queued", extra=_counted("sweep_queued", queued))
        if filed:
            logger.info("submissions filed", extra=_counted("sweep_filed", filed))
        return frozenset(seen - recorded)

    async def _enqueue(self, submission_id: str) -> bool:
        submission = await self.intake.known(submission_id)
        if submission is not None:
            await self.intake.enqueue(submission)
        return submission is not None

    async def remove_half_way(self, submission_ids: Iterable[str]) -> int:
        """Remove the blobs of submissions that were cut off by a crash and never came again: nobody
        was told that they are taken.
        """
        removed = 0
        for submission_id in submission_ids:
            if await self.intake.known(submission_id) is None:
                removed += bool(await self.intake.blobs.delete_prefix(blob_prefix(submission_id)))
        if removed:
            logger.info("cut-off submissions removed", extra=_counted("sweep_removed", removed))
        return removed

    async def put_failed_aside(self) -> int:
        """Make every failed orchestration visible as a dead letter, with its reason."""
        marked = 0
        for instance in await self.engine.failed(_MOST):
            if instance.state is not InstanceState.FAILED or ":" in instance.instance_id:
                continue
            entry = await self.intake.index.get(instance.instance_id)
            if entry is None or entry.state is SubmissionState.DEAD_LETTERED:
                continue
            await mark_dead_lettered(
                self.intake.index,
                self.intake.publisher,
                self.intake.clock,
                instance.instance_id,
                instance.failure,
            )
            marked += 1
        if marked:
            logger.error("failed submissions put aside", extra=_counted("sweep_put_aside", marked))
        return marked


@contextmanager
def _damage_left_alone(submission_id: str) -> Generator[None]:
    """A record or an outcome that is damaged is no reason to leave the others."""
    try:
        yield
    except StorageCorruptError as exc:
        logger.exception(
            "damaged record left alone",
            extra={
                "action": "record_damaged",
                "submission_id": submission_id,
                "reason": str(exc),
            },
        )


def _counted(action: str, count: int) -> dict[str, object]:
    return {"action": action, "count": count}
