"""Which job runs next: a fair one, the same content once, and not while the service rests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.local.jobs import rows
from shared.fair_queue import FairQueue
from shared.model import Kind

if TYPE_CHECKING:
    from adapters.local.database import Database
    from shared.fair_queue import Waiting
    from shared.ports import Clock, DescriptionJob

_KILLS = 2  # of processes that crashed on one file; one may be bad luck
_LOST_BY_FILES = 6  # in a row; more of them are the describer's own fault
_FIRST_PAUSE_S = 0.5  # doubles with every failure
_LONGEST_REST_S = 60.0  # of the service
_LONGEST_PAUSE_S = 300.0  # of a job
_LONGEST_WISH_S = 3600.0  # that a service may have


@dataclass(slots=True)
class _Running:
    job: DescriptionJob
    turn: Waiting
    begun: float
    charged: bool = True  # to its sender, with the time that it takes


class JobBoard:
    """Gives the open jobs to the workers of this process, the only one that runs jobs."""

    def __init__(self, database: Database, clock: Clock, *, workers: int) -> None:
        self._database = database
        self._clock = clock
        self._most_videos = max(1, workers - 1)  # one is left for photos
        self._wakeup = database.wakeup(rows.TOPIC)
        self._running: dict[str, _Running] = {}
        self._queue = FairQueue()
        self._choosing = asyncio.Lock()
        self._rest = (0.0, 0.0)  # of the service: from when on, until when
        self._failures = 0  # of the service, in a row
        self._lost = 0  # processes, since one has last answered

    async def take(self) -> rows.OpenJob:
        """Wait for a job that may run; it is the caller's until `release`."""
        while True:
            seen, now = self._wakeup.count, self._now()
            if not self._rests(now):
                job = await self._take_due(now)
                if job is not None:
                    return job
            await self._wakeup.wait(seen, await self._until_next_s(now))

    def release(self, job: rows.OpenJob) -> None:
        """The caller has closed or postponed it; others of its content may run now."""
        running = self._running.pop(job.job.job_id)
        if running.charged:
            self._queue.end(running.turn, _elapsed_s() - running.begun)
        self._wakeup.notify()

    def answered(self) -> None:
        """A process has answered, so the describer as such works."""
        self._lost = 0

    async def count_kill(self, job: rows.OpenJob) -> bool:
        """The job has crashed a process; whether it is to blame for it.

        Twice is no accident, unless every process crashes: then the describer itself is broken, and
        no file is to suffer for that.
        """
        self._lost += 1
        await self._database.write(lambda it: rows.count_kill(it, job.job.job_id))
        to_blame = job.kills + 1 >= _KILLS and self._lost <= _LOST_BY_FILES
        if not to_blame:
            running = self._running[job.job.job_id]
            running.charged = False
            self._queue.refund(running.turn)
        return to_blame

    async def close(self, job: rows.OpenJob) -> None:
        """The job has ended, and the service has answered."""
        self._failures = 0
        await self._database.write(lambda it: rows.close(it, job.job.job_id))

    async def postpone(self, job: rows.OpenJob, retry_after_s: float | None) -> None:
        """The service is not there: let it rest, and try this job again later still."""
        now = self._now()
        rest_s = _pause_s(self._failures, _LONGEST_REST_S)
        if retry_after_s is not None:
            rest_s = min(retry_after_s, _LONGEST_WISH_S)
        self._failures += 1
        self._rest = (now, max(self._rest[1] if self._rests(now) else 0.0, now + rest_s))
        due_at = now + _pause_s(job.attempts, _LONGEST_PAUSE_S)
        await self._database.write(lambda it: rows.postpone(it, job.job.job_id, due_at))

    async def _take_due(self, now: float) -> rows.OpenJob | None:
        # One at a time: what nobody has taken when the table is read, nobody else can end.
        async with self._choosing:
            running = [other.job for other in self._running.values()]
            videos = sum(job.kind is Kind.VIDEO for job in running) < self._most_videos
            waiting = await self._database.read(
                lambda it: rows.waiting(it, now, _LONGEST_PAUSE_S, besides=running, videos=videos)
            )
            turn = self._queue.choose(waiting)
            if turn is None:
                return None
            found = await self._database.read(lambda it: rows.get(it, turn.job_id))
            if found is not None:
                self._queue.begin(turn)
                self._running[turn.job_id] = _Running(found.job, turn, _elapsed_s())
            return found

    async def _until_next_s(self, now: float) -> float | None:
        if self._rests(now):
            return self._rest[1] - now
        due_at = await self._database.read(lambda it: rows.next_due(it, now))
        return None if due_at is None else max(0.0, due_at - self._now())

    def _rests(self, now: float) -> bool:
        """Whether the service is left alone; a clock that is set back behind the start of the rest
        ends it.
        """
        begun, until = self._rest
        return begun <= now < until

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _elapsed_s() -> float:
    """By a clock that nobody sets."""
    return asyncio.get_running_loop().time()


def _pause_s(failures: int, longest_s: float) -> float:
    return min(_FIRST_PAUSE_S * 2.0 ** min(failures, 30), longest_s)
