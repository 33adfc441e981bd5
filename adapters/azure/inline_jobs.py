"""Description jobs beside the activity that starts them: describers as child processes of its host.

`start` describes at once and returns when the event is published, so that the platform's retries
and its scaling do the rest. A job is noted first: when the service is not there, or we die, it is
found again by `tick`, which a timer or `run` calls.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.azure.jobs.endings import Endings
from adapters.azure.jobs.fair_pool import FairPool
from adapters.azure.jobs.ledger import JobLedger, OpenJob, waiting_of
from adapters.azure.jobs.media import local_file
from describer.protocol import Request, Response, Status
from describer.supervised import SupervisedDescriber
from shared.errors import BlobNotFoundError, IngestError, TooLargeError
from shared.fair_queue import FairQueue
from shared.filing import file_description
from shared.model import Kind
from shared.tracing import NO_TELEMETRY, current_traceparent

if TYPE_CHECKING:
    from describer.rules import JobRules
    from shared.fair_queue import Waiting
    from shared.ports import BlobStore, Clock, DescriptionJob, EventPublisher, Telemetry

logger = logging.getLogger(__name__)

FOLDER = "description-jobs/inline"
_LOOK_EVERY_S = 10.0
_LONGEST_LOOK_S = 300.0  # the jobs that are under way then are finished
_LONGEST_QUEUE_S = 900.0  # of the jobs before it, in the process that has it
_MEDIA_GONE = "The file is no longer in the store."
_NO_ROOM = (
    "The file is larger than the temporary storage of the program that describes it;"
    " with MAIL_INGEST_JOBS videos are described in containers."
)


class InlineJobs:
    """Describes in `rules.workers` processes (0: one for each core), which stay warm."""

    def __init__(
        self,
        blobs: BlobStore,
        publisher: EventPublisher,
        clock: Clock,
        rules: JobRules,
        provider: tuple[str, str],
        *,
        telemetry: Telemetry = NO_TELEMETRY,
    ) -> None:
        self._blobs, self._clock, self._rules = blobs, clock, rules
        self._telemetry = telemetry
        self._ledger = JobLedger(blobs, FOLDER)
        self._endings = Endings(
            ledger=self._ledger,
            blobs=blobs,
            publisher=publisher,
            clock=clock,
            provider=provider,
            horizon=rules.horizon,
        )
        count = rules.workers or os.cpu_count() or 1
        self._describers = tuple(SupervisedDescriber(rules) for _ in range(count))
        self._free = FairPool(self._describers)
        self._retries = FairQueue()
        self._running: set[str] = set()
        self._postponed = asyncio.Event()

    async def start(self, job: DescriptionJob) -> None:
        """Note a job, then describe it: on return it has ended, or waits for its next attempt."""
        now = self._now()
        noted = OpenJob(job=job, created_at=now, due_at=now + self._hidden_s(job))
        await self._run(await self._ledger.add(noted))

    async def cancel(self, job_id: str) -> None:
        """Nobody waits any longer; a job that waits for its next attempt gets it all the same."""

    async def open_jobs(self) -> int:
        """How many jobs have not ended."""
        return len(await self._ledger.all())

    async def run(self) -> None:
        """Give waiting jobs their next attempts until cancelled."""
        while True:
            self._postponed.clear()
            try:
                pause_s = await self.tick()
            except IngestError as exc:
                pause_s = _LOOK_EVERY_S
                logger.warning("jobs wait", extra={"action": "jobs_wait", "reason": str(exc)})
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause_s, _LOOK_EVERY_S)):
                    await self._postponed.wait()

    async def tick(self) -> float:
        """Run the jobs that are due, as many as can be begun in five minutes, because a Function
        has its time; the seconds until the next one is.
        """
        now, until = self._now(), asyncio.get_running_loop().time() + _LONGEST_LOOK_S
        jobs = [job for job in await self._ledger.all() if job.due_at <= now]
        due = {job.job.job_id: waiting_of(job, place) for place, job in enumerate(jobs)}
        async with asyncio.TaskGroup() as group:
            for _ in self._describers:
                group.create_task(self._work_off(due, until))
        times = [job.due_at for job in await self._ledger.all()]
        return max(0.0, min(times, default=float("inf")) - self._now())

    async def close(self) -> None:
        """End the describers. What they are at is found again by a later `tick`."""
        for describer in self._describers:
            await describer.stop()

    async def _work_off(self, due: dict[str, Waiting], until: float) -> None:
        """Run one job after the other in fair order, and begin none after `until`."""
        while asyncio.get_running_loop().time() < until:
            turn = self._retries.choose(due.values())
            if turn is None:
                return
            self._retries.begin(due.pop(turn.job_id))
            await self._retry(turn.job_id)

    async def _retry(self, job_id: str) -> None:
        """Run a job if it is still due, hidden meanwhile from the other processes that look.
        Whatever goes wrong with it, the others run.
        """
        try:
            noted, now = await self._ledger.get(job_id), self._now()
            if noted is None or noted.due_at > now:
                return  # another process was faster
            hidden = replace(noted, due_at=now + self._hidden_s(noted.job))
            await self._ledger.put(hidden)
            await self._run(hidden)
        except Exception:
            facts = {"action": "job_put_off", "job_id": job_id}
            logger.exception("job put off", extra=facts)

    async def _run(self, job: OpenJob) -> None:
        job_id = job.job.job_id
        if job_id in self._running:
            return
        self._running.add(job_id)
        try:
            if not await self._endings.described_before(job):
                await self._describe(job)
        finally:
            self._running.discard(job_id)

    async def _describe(self, job: OpenJob) -> None:
        try:
            response = await self._response(job)
        except BlobNotFoundError:
            await self._endings.unreadable(job, _MEDIA_GONE)
            return
        except TooLargeError:
            await self._endings.unreadable(job, _NO_ROOM)
            return
        if response.status is Status.UNAVAILABLE:
            await self._endings.came_to_nothing(
                job, response.reason, retry_after_s=response.retry_after_s
            )
            self._postponed.set()
        elif response.description is None:
            await self._endings.unreadable(job, response.reason)
        else:
            name = self._endings.description_blob(job.job)
            await file_description(
                self._blobs, job.job.sha256, name, response.description, response.thumbnail
            )
            await self._endings.described(job)

    async def _response(self, noted: OpenJob) -> Response:
        job = noted.job
        async with self._free.describer(waiting_of(noted, noted.created_at)) as describer:
            with self._telemetry.span("describe", parent=job.traceparent, job_id=job.job_id):
                response = await self._ask(describer, job)
        if response.took_s is not None:
            self._telemetry.record("description_seconds", response.took_s, kind=job.kind.value)
        return response

    async def _ask(self, describer: SupervisedDescriber, job: DescriptionJob) -> Response:
        async with local_file(self._blobs, job.blob, job.size) as (path, url):
            request = Request(
                job_id=job.job_id,
                path=str(path),
                kind=job.kind,
                media_type=job.media_type,
                file_name=job.file_name,
                media_url=url,
                traceparent=current_traceparent() or job.traceparent,
            )
            return await describer.describe(request, self._time_s(job))

    def _time_s(self, job: DescriptionJob) -> float:
        photo = job.kind is Kind.PHOTO
        return (self._rules.photo_time if photo else self._rules.video_time).total_seconds()

    def _hidden_s(self, job: DescriptionJob) -> float:
        """How long no other process takes it for forgotten."""
        return _LONGEST_QUEUE_S + 2 * self._time_s(job)

    def _now(self) -> float:
        return self._clock.now().timestamp()
