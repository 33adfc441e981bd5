"""Which open jobs go into a container together: those of one submission, each content once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.azure.jobs.ledger import waiting_of
from shared.fair_queue import estimated_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from adapters.azure.jobs.launches import Launch
    from adapters.azure.jobs.ledger import OpenJob
    from adapters.azure.jobs.rules import ContainerRules
    from shared.fair_queue import Waiting


def gather(
    jobs: Sequence[OpenJob], launches: Iterable[Launch], *, now: float, rules: ContainerRules
) -> list[tuple[OpenJob, ...]]:
    """Groups for new launches, in the order of `jobs`.

    A job that is due takes along those of its submission that were never tried. A content that is
    being described is left for later: by then its description is found.
    """
    free = _free(jobs, launches)
    submissions = dict.fromkeys(job.submission_id for job in free if job.due_at <= now)
    groups: list[tuple[OpenJob, ...]] = []
    for submission_id in submissions:
        group = [
            job
            for job in free
            if job.submission_id == submission_id and (job.due_at <= now or job.attempts == 0)
        ]
        groups += _cut(group, rules)
    return groups


def waiting_group(jobs: Sequence[OpenJob], place: float) -> Waiting:
    """A group in the fair queue, at the cost of all its jobs, wanted if one of them is."""
    wanted = next((job for job in jobs if job.wanted), jobs[0])
    cost_s = sum(estimated_s(job.job) for job in jobs)
    return replace(waiting_of(wanted, place), cost_s=cost_s)


def _cut(jobs: Iterable[OpenJob], rules: ContainerRules) -> Iterator[tuple[OpenJob, ...]]:
    """As many of them at a time as one container may take."""
    some: tuple[OpenJob, ...] = ()
    for job in jobs:
        if some and not rules.fit((*some, job)):
            yield some
            some = ()
        some = (*some, job)
    if some:
        yield some


def _free(jobs: Sequence[OpenJob], launches: Iterable[Launch]) -> list[OpenJob]:
    taken = {content for launch in launches for content in launch.contents}
    free: list[OpenJob] = []
    for job in jobs:
        if job.job.sha256 not in taken:
            taken.add(job.job.sha256)
            free.append(job)
    return free
