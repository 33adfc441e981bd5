"""Where a description runs: what is short beside the activity, what is long in a container."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.model import Kind

if TYPE_CHECKING:
    from adapters.azure.inline_jobs import InlineJobs
    from adapters.azure.jobs.container_jobs import ContainerJobs
    from shared.ports import DescriptionJob


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedJobs:
    """Gives photos of up to `inline_max_bytes` to `inline`, and all else to `containers`."""

    inline: InlineJobs
    containers: ContainerJobs
    inline_max_bytes: int

    async def start(self, job: DescriptionJob) -> None:
        """Take a job; durable on return. The same job_id again, while it is open, is harmless."""
        await (self.containers if self.is_long(job) else self.inline).start(job)

    async def cancel(self, job_id: str) -> None:
        """Nobody waits any longer for this job, wherever it is."""
        await self.inline.cancel(job_id)
        await self.containers.cancel(job_id)

    async def open_jobs(self) -> int:
        """How many jobs have not ended."""
        return await self.inline.open_jobs() + await self.containers.open_jobs()

    async def tick(self) -> None:
        """Look after all that is open; for a timer. What is tried again inline may take minutes, so
        containers are looked after meanwhile, again and again. Raises when both have ended.
        """
        inline = asyncio.create_task(self.inline.tick())
        looks = await asyncio.gather(inline, self._look_until(inline), return_exceptions=True)
        for look in looks:
            if isinstance(look, BaseException):
                raise look

    async def close(self) -> None:
        """End what is ours; all open jobs are found again by a later look."""
        await self.inline.close()
        await self.containers.close()

    def is_long(self, job: DescriptionJob) -> bool:
        """Whether a description takes longer than an activity should."""
        return job.kind is Kind.VIDEO or job.size > self.inline_max_bytes

    async def _look_until(self, ended: asyncio.Task[float]) -> None:
        while True:
            await self.containers.tick()
            await asyncio.wait({ended}, timeout=self.containers.look_every_s)
            if ended.done():
                return

    @property
    def problem(self) -> str:
        """A sentence while containers cannot be had; else empty."""
        return self.containers.problem
