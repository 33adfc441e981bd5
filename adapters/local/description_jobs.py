"""Description jobs on this machine: a table of open jobs, and describer processes that work it off.

A job stays in the table until its description is filed and its event is published, so a crash at
any point means that it runs again. Who is next: jobs/board.py; what a process does: jobs/worker.py.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from adapters.local.jobs import rows
from adapters.local.jobs.board import JobBoard
from adapters.local.jobs.worker import DescriptionWorker
from describer.rules import JobRules
from shared.tracing import NO_TELEMETRY

if TYPE_CHECKING:
    from adapters.local.database import Database
    from shared.ports import BlobStore, Clock, DescriptionJob, EventPublisher, Telemetry


class LocalDescriptionJobs:
    """Takes jobs in any process; the one process that calls `run` works them off."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        publisher: EventPublisher,
        clock: Clock,
        rules: JobRules | None = None,
        *,
        telemetry: Telemetry = NO_TELEMETRY,
    ) -> None:
        self._database = database
        self._clock = clock
        self._wakeup = database.wakeup(rows.TOPIC)
        rules = rules or JobRules()
        count = rules.workers or os.cpu_count() or 1
        board = JobBoard(database, clock, workers=count)
        self._workers = tuple(
            DescriptionWorker(board, blobs, publisher, clock, rules, telemetry)
            for _ in range(count)
        )

    async def start(self, job: DescriptionJob) -> None:
        """Take a job; durable on return. The same job_id again, while it is open, is harmless."""
        now = self._clock.now().timestamp()
        await self._database.write(lambda connection: rows.insert(connection, job, now))
        self._wakeup.notify()

    async def cancel(self, job_id: str) -> None:
        """Nobody waits any longer: the job is done when there is nothing else to do."""
        await self._database.write(lambda connection: rows.lower(connection, job_id))

    async def run(self) -> None:
        """Work off the jobs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(worker.run())

    async def open_jobs(self) -> int:
        """How many jobs have not ended."""
        return await self._database.read(rows.count)

    @property
    def problem(self) -> str:
        """A sentence while no describer can be started; else empty."""
        problems = [worker.problem for worker in self._workers]
        return problems[0] if all(problems) else ""
