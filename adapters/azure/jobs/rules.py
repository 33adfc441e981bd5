"""The rules of description jobs in containers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.azure.jobs.limiter import CreateLimits
from shared.model import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.azure.jobs.ledger import OpenJob


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRules:
    """How containers are used.

    `owner` tells the containers of two deployments apart. A container gets up to `max_items` jobs
    of one submission, which come within `gather`; there are `max_containers` at a time. Beside the
    time of its items a container has `start_time`, for the pull of its image; in all it has
    `longest`, because the URLs that it gets are good for so long. `shows_up_within` is how long
    Azure may take to show it, also when it did not answer that it is created. After `horizon`
    without a description a job ends as unreadable.
    """

    owner: str = "mail-ingest"
    max_containers: int = 20
    max_items: int = 20
    limits: CreateLimits = field(default_factory=CreateLimits)
    photo_time: timedelta = timedelta(seconds=120)
    video_time: timedelta = timedelta(seconds=600)
    start_time: timedelta = timedelta(minutes=15)
    longest: timedelta = timedelta(hours=4)
    gather: timedelta = timedelta(seconds=2)
    look_every: timedelta = timedelta(seconds=10)
    sweep_every: timedelta = timedelta(minutes=10)
    shows_up_within: timedelta = timedelta(seconds=60)
    horizon: timedelta = timedelta(hours=72)

    def time_of(self, kind: Kind) -> timedelta:
        """How long the describer may take for one item."""
        return self.photo_time if kind is Kind.PHOTO else self.video_time

    def limit_s(self, jobs: Sequence[OpenJob]) -> float:
        """How long a container may take for these jobs, each of which may be tried twice."""
        times = (2 * self.time_of(job.job.kind) for job in jobs)
        return sum(times, self.start_time).total_seconds()

    def fit(self, jobs: Sequence[OpenJob]) -> bool:
        """Whether a container can be given all of these jobs."""
        in_time = self.limit_s(jobs) <= self.longest.total_seconds()
        return len(jobs) <= self.max_items and in_time
