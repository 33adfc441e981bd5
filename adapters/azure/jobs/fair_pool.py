"""Lends the describers of a process in fair order; apart, to be tested without processes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shared.fair_queue import FairQueue

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from shared.fair_queue import Waiting


class FairPool[Describer]:
    """Each describer serves one job at a time."""

    def __init__(self, describers: Iterable[Describer]) -> None:
        self._free = list(describers)
        self._queue = FairQueue()
        self._waiting: dict[str, tuple[Waiting, asyncio.Future[Describer]]] = {}

    @asynccontextmanager
    async def describer(self, job: Waiting) -> AsyncGenerator[Describer]:
        """Wait for the job's turn; the describer is the caller's until the block is left."""
        loop = asyncio.get_running_loop()
        lent = loop.create_future()
        self._waiting[job.job_id] = job, lent
        self._lend()
        try:
            describer = await lent
        except asyncio.CancelledError:
            self._waiting.pop(job.job_id, None)
            # It may have been lent in the same moment in which the caller was cancelled.
            if lent.done() and not lent.cancelled():
                self._give_back(lent.result())
            raise
        begun = loop.time()
        try:
            yield describer
        finally:
            self._queue.end(job, loop.time() - begun)
            self._give_back(describer)

    def _give_back(self, describer: Describer) -> None:
        self._free.append(describer)
        self._lend()

    def _lend(self) -> None:
        # Whoever was cancelled while waiting has not yet run to take itself off the list.
        open_jobs = [job for job, lent in self._waiting.values() if not lent.done()]
        while self._free and (turn := self._queue.choose(open_jobs)):
            open_jobs.remove(turn)
            _, lent = self._waiting.pop(turn.job_id)
            self._queue.begin(turn)
            lent.set_result(self._free.pop())
