"""One describer process at work: takes a job, has it described, files the description, tells it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from describer.child import DescriberLostError, DescriberProcess, DescriberTimeoutError
from describer.protocol import Request, Response, Status
from shared import events
from shared.errors import IngestError
from shared.events import MediaDescribed
from shared.filing import file_description
from shared.intake import description_name
from shared.model import Kind
from shared.tracing import current_traceparent

if TYPE_CHECKING:
    from adapters.local.jobs.board import JobBoard
    from adapters.local.jobs.rows import OpenJob
    from describer.rules import JobRules
    from shared.ports import BlobStore, Clock, EventPublisher, Telemetry

logger = logging.getLogger(__name__)

_PAUSE_AFTER_FAULT_S = 2.0


class DescriptionWorker:
    """Keeps one describer process and feeds it from the board until cancelled."""

    def __init__(
        self,
        board: JobBoard,
        blobs: BlobStore,
        publisher: EventPublisher,
        clock: Clock,
        rules: JobRules,
        telemetry: Telemetry,
    ) -> None:
        self._board = board
        self._blobs = blobs
        self._publisher = publisher
        self._clock = clock
        self._rules = rules
        self._telemetry = telemetry
        self._process: DescriberProcess | None = None
        self.problem = ""  # a sentence while no process can be had

    async def run(self) -> None:
        """Work until cancelled; then the process is ended, and its job waits for the next start."""
        try:
            await self._living_process()
            while True:
                taken = await self._board.take()
                job = taken.job
                try:
                    with self._telemetry.span(
                        "describe", parent=job.traceparent, job_id=job.job_id
                    ):
                        await self._try(taken)
                finally:
                    self._board.release(taken)
        finally:
            if self._process is not None:
                await self._process.stop()

    async def _try(self, job: OpenJob) -> None:
        """Run a job. Whatever goes wrong with it, the worker goes on, and the job is not lost."""
        facts = {"job_id": job.job.job_id}
        try:
            ended = await self._outcome(job)
            if ended is not None:
                now, taken_at = self._clock.now(), job.created_at
                await self._publisher.publish(events.media_described(ended, now, taken_at=taken_at))
                await self._board.close(job)
                logger.info(
                    "job ended", extra=facts | {"action": "job_ended", "state": ended.status}
                )
        except Exception:
            logger.exception("job put off", extra=facts | {"action": "job_put_off"})
            await self._put_off(job)

    async def _put_off(self, job: OpenJob) -> None:
        try:
            await self._board.postpone(job, None)
        except IngestError:  # the disk is full, and so is the table
            await asyncio.sleep(_PAUSE_AFTER_FAULT_S)

    async def _outcome(self, job: OpenJob) -> MediaDescribed | None:
        """How the job ended, with its description filed; None when it is to run again."""
        process = await self._living_process()
        name = _blob_name(job, process.provider)
        if await self._blobs.exists(name):
            return _described(job, name)
        begun = asyncio.get_running_loop().time()
        try:
            response = await process.describe(await self._request(job), self._time_s(job))
        except DescriberTimeoutError as exc:
            _log_loss(job, str(exc))
            return _unreadable(job, str(exc))
        except DescriberLostError as exc:
            return await self._lost(job, str(exc))
        self._board.answered()
        took_s = asyncio.get_running_loop().time() - begun
        self._telemetry.record("description_seconds", took_s, kind=job.job.kind.value)
        if response.status is Status.UNAVAILABLE:
            return await self._waited(job, response)
        if response.description is None:
            return _unreadable(job, response.reason)
        await file_description(
            self._blobs, job.job.sha256, name, response.description, response.thumbnail
        )
        return _described(job, name)

    async def _lost(self, job: OpenJob, reason: str) -> MediaDescribed | None:
        """Try a file that has crashed a process once more, at once; then it is unreadable."""
        _log_loss(job, reason)
        if await self._board.count_kill(job):
            return _unreadable(job, f"{reason.rstrip('.')}, twice.")
        if job.kills > 0:
            await self._board.postpone(job, None)
        return None

    async def _waited(self, job: OpenJob, response: Response) -> MediaDescribed | None:
        """Try later, until we have waited for too long."""
        age_s = self._clock.now().timestamp() - job.created_at
        logger.warning(
            "description service not available",
            extra={
                "action": "description_unavailable",
                "job_id": job.job.job_id,
                "attempts": job.attempts + 1,
                "reason": response.reason,
            },
        )
        if age_s < self._rules.horizon.total_seconds():
            await self._board.postpone(job, response.retry_after_s)
            return None
        return _unreadable(job, f"No description came for {age_s / 3600:.0f} hours.")

    async def _request(self, job: OpenJob) -> Request:
        url = await self._blobs.read_url(job.job.blob)
        return Request(
            job_id=job.job.job_id,
            path=str(Path.from_uri(url)),
            kind=job.job.kind,
            media_type=job.job.media_type,
            file_name=job.job.file_name,
            media_url=url,
            traceparent=current_traceparent(),
        )

    def _time_s(self, job: OpenJob) -> float:
        photo = job.job.kind is Kind.PHOTO
        return (self._rules.photo_time if photo else self._rules.video_time).total_seconds()

    async def _living_process(self) -> DescriberProcess:
        """The process, or a new one in its place, tried until it starts."""
        while self._process is None or not self._process.alive:
            try:
                self._process = await DescriberProcess.start(
                    self._rules.command, self._rules.environment, self._rules.ready_within
                )
                self.problem = ""
            except DescriberLostError as exc:
                self.problem = "The describer does not start; its log lines say why."
                logger.error(  # noqa: TRY400 - the process has written its own trace
                    "describer does not start",
                    extra={"action": "describer_not_started", "reason": str(exc)},
                )
                await asyncio.sleep(self._rules.restart_pause.total_seconds())
        return self._process


def _log_loss(job: OpenJob, reason: str) -> None:
    logger.warning(
        "describer process lost",
        extra={"action": "describer_lost", "job_id": job.job.job_id, "reason": reason},
    )


def _blob_name(job: OpenJob, provider: str) -> str:
    name, _, version = provider.rpartition("-")
    return description_name(job.job.sha256, name, version)


def _described(job: OpenJob, blob: str) -> MediaDescribed:
    return MediaDescribed(
        job_id=job.job.job_id, status=Status.DESCRIBED.value, description_blob=blob
    )


def _unreadable(job: OpenJob, reason: str) -> MediaDescribed:
    return MediaDescribed(job_id=job.job.job_id, status=Status.UNREADABLE.value, reason=reason)
