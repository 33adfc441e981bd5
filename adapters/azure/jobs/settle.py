"""What became of the jobs of a launch whose container has ended, in whatever way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from describer.protocol import Report, Status
from shared.tracing import NO_TELEMETRY

if TYPE_CHECKING:
    from adapters.azure.jobs.endings import Endings
    from adapters.azure.jobs.launches import Launch, LaunchBook
    from adapters.azure.jobs.ledger import JobLedger, OpenJob
    from adapters.azure.jobs.platform import ContainerPlatform
    from shared.ports import Telemetry

_NO_REPORT = "The container ended without a report."


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Ends or postpones the jobs of a launch, then forgets it and removes its container.

    Repeating it, after a crash in the middle, changes nothing. A container that Azure does not let
    go, or that a crash leaves behind, has no launch then, and the sweep removes it: the next try of
    its jobs does not wait for that.
    """

    ledger: JobLedger
    book: LaunchBook
    platform: ContainerPlatform
    endings: Endings
    telemetry: Telemetry = NO_TELEMETRY

    async def settle(self, launch: Launch) -> None:
        """The container has ended, or is to end now."""
        reports = await self.book.reports(launch)
        for job_id in launch.job_ids:
            job = await self.ledger.get(job_id)
            if job is not None and job.launch < launch.number:
                await self._settle(job, reports.get(job_id), launch)
        await self.book.drop(launch)
        await self.platform.remove(launch.name)

    async def _settle(self, job: OpenJob, report: Report | None, launch: Launch) -> None:
        endings = self.endings
        if report is not None and report.took_s is not None:
            kind = job.job.kind.value
            self.telemetry.record("description_seconds", report.took_s, kind=kind)
        if report is None:
            await endings.came_to_nothing(job, _NO_REPORT, retry_after_s=None, launch=launch.number)
        elif report.status is Status.UNAVAILABLE:
            await endings.came_to_nothing(
                job, report.reason, retry_after_s=report.retry_after_s, launch=launch.number
            )
        elif report.told:
            await endings.told(job, report.status)
        elif report.status is Status.DESCRIBED:
            await endings.described(job)
        else:
            await endings.unreadable(job, report.reason)
