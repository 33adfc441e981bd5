"""The pump between queue and dispatcher when it is told to stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from host.queue_pump import pump_queue
from tests.support.local_services import local_services

if TYPE_CHECKING:
    from pathlib import Path

    from shared.dispatch import Dispatcher
    from shared.ports import QueuedMessage, WorkQueue


class SlowDispatcher:
    """Completes each message after a while."""

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue
        self.begun = asyncio.Event()

    async def dispatch(self, message: QueuedMessage) -> None:
        self.begun.set()
        await asyncio.sleep(0.1)
        await self._queue.complete(message)


async def test_what_was_begun_is_finished_when_the_pump_stops(tmp_path: Path) -> None:
    with local_services(tmp_path) as services:
        for number in range(3):
            await services.queue.send(str(number), b"body")
        dispatcher = SlowDispatcher(services.queue)
        pump = asyncio.create_task(pump_queue(services.queue, cast("Dispatcher", dispatcher)))
        await dispatcher.begun.wait()
        pump.cancel()
        await asyncio.wait([pump])
        assert pump.cancelled()
        assert await services.queue.depth() == 0
