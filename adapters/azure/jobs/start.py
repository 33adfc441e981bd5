"""Starts the container of a launch: what it is told, and the limits that are kept on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from describer.assignment import Item
from shared.errors import ServiceUnavailableError
from shared.events import media_described_id
from shared.intake import thumbnail_name
from shared.ports import BlobStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.azure.jobs.endings import Endings
    from adapters.azure.jobs.launches import Launch, LaunchBook
    from adapters.azure.jobs.ledger import OpenJob
    from adapters.azure.jobs.limiter import CreateLimiter
    from adapters.azure.jobs.platform import ContainerPlatform
    from adapters.azure.jobs.rules import ContainerRules


class JobBlobs(BlobStore, Protocol):
    """A blob store of which others may read or write one blob, for as long as a container has."""

    async def write_url(self, name: str) -> str:
        """A URL by which another process may PUT the blob, whole, for four hours."""
        ...

    async def long_read_url(self, name: str) -> str:
        """A URL by which another process may read the blob, for four hours."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchStarter:
    """Asks the platform for containers."""

    book: LaunchBook
    platform: ContainerPlatform
    blobs: JobBlobs
    limiter: CreateLimiter
    endings: Endings
    rules: ContainerRules

    async def start(self, launch: Launch, jobs: Sequence[OpenJob]) -> None:
        """Ask for the container of a launch, for those of its jobs that are still to be done.

        Raises ServiceUnavailableError, also when a limit is reached, and JobRefusedError.
        """
        wait_s = await self.limiter.take(launch.name)
        if wait_s:
            raise ServiceUnavailableError("container jobs", "our limit is reached", wait_s)
        items = [await self._item(launch, job) for job in jobs]
        now = self.endings.clock.now().timestamp()
        jobs_url = await self.book.start(launch, items, now)
        await self.platform.create(launch.name, jobs_url, launch.submission_id)

    async def _item(self, launch: Launch, job: OpenJob) -> Item:
        described, write_url = self.endings.description_blob(job.job), self.blobs.write_url
        return Item(
            job_id=job.job.job_id,
            kind=job.job.kind,
            media_type=job.job.media_type,
            file_name=job.job.file_name,
            media_url=await self.blobs.long_read_url(job.job.blob),
            result_url=await write_url(described),
            thumbnail_url=await write_url(thumbnail_name(job.job.sha256)),
            report_url=await write_url(self.book.report_name(launch, job.job.job_id)),
            description_blob=described,
            event_id=media_described_id(job.job.job_id, job.created_at),
            within_s=self.rules.time_of(job.job.kind).total_seconds(),
            traceparent=job.job.traceparent,
        )
