"""How a description job ends, or goes on: the same for each way of running it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from describer.protocol import Status
from shared import events
from shared.events import MediaDescribed
from shared.intake import description_name
from shared.tracing import within

if TYPE_CHECKING:
    from datetime import timedelta

    from adapters.azure.jobs.ledger import JobLedger, OpenJob
    from shared.ports import BlobStore, Clock, DescriptionJob, EventPublisher

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.5  # doubles with every attempt
_LONGEST_PAUSE_S = 300.0
_LONGEST_WISH_S = 3600.0  # that a service may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """Ends jobs of one ledger. `provider` is the describer's (id, version)."""

    ledger: JobLedger
    blobs: BlobStore
    publisher: EventPublisher
    clock: Clock
    provider: tuple[str, str]
    horizon: timedelta

    def description_blob(self, job: DescriptionJob) -> str:
        """Where the description of a job's content lies, once there is one."""
        return description_name(job.sha256, *self.provider)

    async def described_before(self, job: OpenJob) -> bool:
        """End a job whose content is described already."""
        if not await self.blobs.exists(self.description_blob(job.job)):
            return False
        await self.described(job)
        return True

    async def described(self, job: OpenJob) -> None:
        """The description is filed: tell it, and close the job."""
        name = self.description_blob(job.job)
        await self._end(job, status=Status.DESCRIBED, description_blob=name)

    async def unreadable(self, job: OpenJob, reason: str) -> None:
        """There will be no description: tell why, and close the job."""
        await self._end(job, status=Status.UNREADABLE, reason=reason)

    async def told(self, job: OpenJob, status: Status) -> None:
        """Somebody else has told it: close the job."""
        await self.ledger.close(job.job.job_id)
        logger.info(
            "job ended",
            extra={"action": "job_ended", "job_id": job.job.job_id, "state": status.value},
        )

    async def came_to_nothing(
        self, job: OpenJob, reason: str, *, retry_after_s: float | None, launch: int = 0
    ) -> None:
        """Try again later, until the job is too old."""
        logger.warning(
            "description service not available",
            extra={
                "action": "description_unavailable",
                "job_id": job.job.job_id,
                "attempts": job.attempts + 1,
                "reason": reason,
            },
        )
        now = self.clock.now().timestamp()
        age_s = now - job.created_at
        if age_s >= self.horizon.total_seconds():
            await self.unreadable(job, f"No description came for {age_s / 3600:.0f} hours.")
            return
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(job.attempts, 30), _LONGEST_PAUSE_S)
        due_at = now + max(pause_s, min(retry_after_s or 0.0, _LONGEST_WISH_S))
        await self.ledger.put(
            replace(job, attempts=job.attempts + 1, due_at=due_at, launch=launch or job.launch)
        )

    async def _end(
        self, job: OpenJob, *, status: Status, description_blob: str = "", reason: str = ""
    ) -> None:
        ended = MediaDescribed(
            job_id=job.job.job_id,
            status=status.value,
            description_blob=description_blob,
            reason=reason,
        )
        with within(job.job.traceparent):
            now, taken_at = self.clock.now(), job.created_at
            await self.publisher.publish(events.media_described(ended, now, taken_at=taken_at))
        await self.told(job, status)
