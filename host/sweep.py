"""What is looked after from time to time: submissions that a crash left half-way, or failed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.dispatch import mark_dead_lettered
from shared.errors import IngestError
from shared.ports import InstanceState, SubmissionState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.intake import Intake
    from shared.ports import Instance

logger = logging.getLogger(__name__)

_EVERY_S = 60.0
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
        await self.enqueue_forgotten()
        while True:
            try:
                await self.put_failed_aside()
            except IngestError as exc:
                logger.warning(
                    "sweep not finished, will try again",
                    extra={"action": "sweep_failed", "error": str(exc)},
                )
            await asyncio.sleep(_EVERY_S)

    async def enqueue_forgotten(self) -> int:
        """Queue the submissions whose record was written and whose process died right after."""
        repaired = 0
        async for name in self.intake.blobs.list("submissions/"):
            if not name.endswith("/submission.json"):
                continue
            submission_id = name.split("/")[1]
            if await self.intake.index.get(submission_id) is not None:
                continue
            submission = await self.intake.known(submission_id)
            if submission is not None:
                await self.intake.enqueue(submission)
                repaired += 1
        if repaired:
            logger.info("forgotten submissions queued", extra=_counted("sweep_queued", repaired))
        return repaired

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


def _counted(action: str, count: int) -> dict[str, object]:
    return {"action": action, "count": count}
