"""Description jobs in containers: gathers open jobs into launches, follows and settles them.

Nothing that matters is held in memory: a look (`tick`) reads the open jobs and the launches from
blobs and takes each one step further, so it may run in a timer, in a loop, or in two processes at
once. What happens twice is harmless: a container has one name, an event one ID.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.azure.jobs.endings import Endings
from adapters.azure.jobs.gather import gather, waiting_group
from adapters.azure.jobs.launches import LaunchBook
from adapters.azure.jobs.ledger import JobLedger, OpenJob
from adapters.azure.jobs.limiter import CreateLimiter
from adapters.azure.jobs.platform import ContainerState, JobRefusedError
from adapters.azure.jobs.settle import Settlement
from adapters.azure.jobs.start import LaunchStarter
from shared.errors import ServiceUnavailableError
from shared.fair_queue import FairQueue
from shared.tracing import NO_TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from adapters.azure.jobs.launches import Launch
    from adapters.azure.jobs.platform import ContainerPlatform
    from adapters.azure.jobs.rules import ContainerRules
    from adapters.azure.jobs.start import JobBlobs
    from shared.ports import Clock, DescriptionJob, EventPublisher, Telemetry

logger = logging.getLogger(__name__)

FOLDER = "description-jobs/containers"
_REST_S = 30.0  # when Azure has no room and names no time
_LONGEST_REST_S = 3600.0  # that Azure may ask for
_REST_WHEN_REFUSED_S = 300.0


class ContainerJobs:
    """Takes jobs in any process; whoever calls `run`, or `tick` from a timer, works them off."""

    def __init__(
        self,
        platform: ContainerPlatform,
        blobs: JobBlobs,
        publisher: EventPublisher,
        clock: Clock,
        rules: ContainerRules,
        provider: tuple[str, str],
        *,
        telemetry: Telemetry = NO_TELEMETRY,
    ) -> None:
        self._platform, self._clock, self._rules = platform, clock, rules
        self._ledger = JobLedger(blobs, FOLDER)
        self._book = LaunchBook(blobs, FOLDER, rules.owner)
        self._endings = Endings(
            ledger=self._ledger,
            blobs=blobs,
            publisher=publisher,
            clock=clock,
            provider=provider,
            horizon=rules.horizon,
        )
        self._settlement = Settlement(
            ledger=self._ledger,
            book=self._book,
            platform=platform,
            endings=self._endings,
            telemetry=telemetry,
        )
        self._starter = LaunchStarter(
            book=self._book,
            platform=platform,
            blobs=blobs,
            limiter=CreateLimiter(blobs, FOLDER, clock, rules.limits),
            endings=self._endings,
            rules=rules,
        )
        self._queue = FairQueue()
        self._wakeup = asyncio.Event()
        self._rests_until = self._sweeps_at = 0.0
        self.problem = ""  # a sentence while Azure refuses our containers

    @property
    def look_every_s(self) -> float:
        """How often `tick` should be called."""
        return self._rules.look_every.total_seconds()

    async def start(self, job: DescriptionJob) -> None:
        """Take a job; durable on return. The same job_id again, while it is open, is harmless."""
        now = self._now()
        due_at = now + self._rules.gather.total_seconds()
        noted = await self._ledger.add(OpenJob(job=job, created_at=now, due_at=due_at))
        if not noted.wanted:
            await self._ledger.put(replace(noted, wanted=True))
        self._wakeup.set()

    async def cancel(self, job_id: str) -> None:
        """Nobody waits any longer: the job is done when there is nothing else to do."""
        job = await self._ledger.get(job_id)
        if job is not None:
            await self._ledger.put(replace(job, wanted=False))

    async def open_jobs(self) -> int:
        """How many jobs have not ended."""
        return len(await self._ledger.all())

    async def close(self) -> None:
        """Let go of the connections; what runs goes on, and is found again by a later look."""
        await self._platform.close()

    async def run(self) -> None:
        """Look after the jobs until cancelled: every so often, and soon after one was taken."""
        while True:
            self._wakeup.clear()
            try:
                await self.tick()
            except Exception:
                logger.exception("job put off", extra={"action": "job_put_off"})
            try:
                async with asyncio.timeout(self.look_every_s):
                    await self._wakeup.wait()
                await asyncio.sleep(self._rules.gather.total_seconds())
            except TimeoutError:
                continue

    async def tick(self) -> None:
        """Take every launch, and the jobs that are due, one step further. Each goes alone: what
        Azure does not do for one container holds up no other.
        """
        with self._put_off():
            await self._sweep()
        with self._put_off():
            await self._follow()
        if self._now() >= self._rests_until:
            with self._put_off():
                await self._launch()
                self.problem = ""

    async def _sweep(self) -> None:
        """Remove containers that no launch stands for, now and then."""
        if self._now() < self._sweeps_at:
            return
        names = await self._platform.names()  # before the launches: each of them has a launch then
        launched = {launch.name for launch in await self._book.all()}
        self._sweeps_at = self._now() + self._rules.sweep_every.total_seconds()
        for name in sorted(names - launched):
            with self._put_off():
                await self._platform.remove(name)
                facts = {"action": "orphan_removed", "container": name}
                logger.warning("orphan removed", extra=facts)

    async def _follow(self) -> None:
        launches = await self._book.all()
        states = await self._platform.states([launch.name for launch in launches])
        for launch in launches:
            with self._put_off():
                await self._step(launch, states.get(launch.name))

    async def _step(self, launch: Launch, state: ContainerState | None) -> None:
        age_s = self._now() - launch.started_at
        match state:
            case ContainerState.RUNNING | ContainerState.UNKNOWN if age_s < launch.limit_s:
                return
            case None if age_s < self._rules.shows_up_within.total_seconds():
                return
            case None if pending := await self._pending(launch):
                await self._start(launch, pending)
            case _:
                await self._settlement.settle(launch)

    async def _launch(self) -> None:
        launches = list(await self._book.all())
        if len(launches) >= self._rules.max_containers:
            return
        groups = gather(await self._ledger.all(), launches, now=self._now(), rules=self._rules)
        waiting = {waiting_group(group, place): group for place, group in enumerate(groups)}
        while turn := self._queue.choose(waiting):
            group = waiting.pop(turn)
            new = [job for job in group if not await self._endings.described_before(job)]
            if not new:
                continue
            self._queue.begin(turn)
            limit_s = self._rules.limit_s(new)
            launch = await self._book.claim(new, launches, limit_s, self._now())
            if launch is not None:
                launches.append(launch)
                await self._start(launch, new)
            if len(launches) >= self._rules.max_containers:
                return

    async def _start(self, launch: Launch, jobs: Sequence[OpenJob]) -> None:
        if self._now() < self._rests_until:
            return
        try:
            await self._starter.start(launch, jobs)
        except ServiceUnavailableError as exc:
            self._rest(_REST_S if exc.retry_after_s is None else exc.retry_after_s)
            raise
        logger.info(
            "container started",
            extra={
                "action": "container_started",
                "submission_id": launch.submission_id,
                "container": launch.name,
                "count": len(jobs),
            },
        )

    async def _pending(self, launch: Launch) -> Sequence[OpenJob]:
        """The jobs of a launch that are open, not reported, and not too old for another try."""
        reports = await self._book.reports(launch)
        first = self._now() - self._rules.horizon.total_seconds()
        noted = [await self._ledger.get(job_id) for job_id in launch.job_ids]
        return [
            job
            for job in noted
            if job is not None and job.job.job_id not in reports and job.created_at > first
        ]

    @contextmanager
    def _put_off(self) -> Generator[None]:
        """What Azure does not do now is left to the next look."""
        try:
            yield
        except ServiceUnavailableError as exc:
            logger.warning("jobs wait", extra={"action": "jobs_wait", "reason": str(exc)})
        except JobRefusedError as exc:
            self.problem = str(exc)
            self._rest(_REST_WHEN_REFUSED_S)
            logger.error("jobs refused", extra={"action": "jobs_refused", "reason": str(exc)})  # noqa: TRY400 - the sentence says it

    def _rest(self, seconds: float) -> None:
        """Ask for no container for a while."""
        self._rests_until = self._now() + min(seconds, _LONGEST_REST_S)

    def _now(self) -> float:
        return self._clock.now().timestamp()
