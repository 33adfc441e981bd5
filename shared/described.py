"""What happens when a description job ends: its event wakes the instance that waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.codec import from_payload, to_payload
from shared.events import MEDIA_DESCRIBED, MediaDescribed
from shared.ids import split_media_instance_id
from shared.ports import InstanceState, SubmissionState
from shared.tracing import NO_TELEMETRY

if TYPE_CHECKING:
    from shared.desk import Desk
    from shared.model import CloudEvent
    from shared.ports import Engine, SubmissionIndex, Telemetry

_WAITING = frozenset({InstanceState.PENDING, InstanceState.RUNNING, InstanceState.SUSPENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedHandler:
    """Handles ``media.described``. At least once is enough: an instance takes only the first."""

    engine: Engine
    index: SubmissionIndex
    desk: Desk
    telemetry: Telemetry = NO_TELEMETRY

    async def on_event(self, event: CloudEvent) -> bool:
        """Deliver the event; False asks for redelivery, so an early one is not lost."""
        described = from_payload(event.data, MediaDescribed)
        with self.telemetry.span(
            "take_description", parent=event.traceparent or "", job_id=described.job_id
        ):
            taken = await self._deliver(described)
        if taken:
            self.telemetry.count("media_described", status=described.status)
        return taken

    async def _deliver(self, described: MediaDescribed) -> bool:
        instance = await self.engine.instance(described.job_id)
        if instance is not None and instance.state in _WAITING:
            return await self.engine.raise_event(
                described.job_id, name=MEDIA_DESCRIBED, payload=to_payload(described)
            )
        if instance is None and not await self._is_over(described.job_id):
            return False
        return await self.desk.late_description(described)

    async def _is_over(self, job_id: str) -> bool:
        submission_id, _ = split_media_instance_id(job_id)
        entry = await self.index.get(submission_id)
        return entry is not None and entry.state in {
            SubmissionState.DONE,
            SubmissionState.DEAD_LETTERED,
        }
