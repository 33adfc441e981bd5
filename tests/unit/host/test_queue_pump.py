"""The pump between queue and dispatcher: when a message fails, and when it is told to stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from azure.core.exceptions import HttpResponseError

from host.queue_pump import pump_queue
from shared.errors import ServiceUnavailableError
from tests.support.local_services import local_services
from tests.support.waiting import until

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


class DispatcherOfAll:
    """Completes each message after a while; what is named `unlucky` it cannot settle."""

    def __init__(self, queue: WorkQueue, fault: Exception) -> None:
        self._queue = queue
        self._fault = fault
        self.completed: list[str] = []

    async def dispatch(self, message: QueuedMessage) -> None:
        if message.message_id == "unlucky":
            raise self._fault
        await asyncio.sleep(0.1)
        await self._queue.complete(message)
        self.completed.append(message.message_id)


@pytest.mark.parametrize(
    "fault", [ServiceUnavailableError("queue"), HttpResponseError("(AuthorizationFailed) No role.")]
)
async def test_a_message_that_cannot_be_settled_disturbs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    monkeypatch.setattr("host.queue_pump._PAUSE_S", 0.1)
    with local_services(tmp_path) as services:
        for name in ("one", "unlucky", "two"):
            await services.queue.send(name, b"body")
        dispatcher = DispatcherOfAll(services.queue, fault)
        pump = asyncio.create_task(pump_queue(services.queue, cast("Dispatcher", dispatcher)))

        await until(lambda: len(dispatcher.completed) == 2)
        await services.queue.send("later", b"body")
        await until(lambda: len(dispatcher.completed) == 3)

        pump.cancel()
        await asyncio.wait([pump])
        assert dispatcher.completed == ["one", "two", "later"]
        assert await services.queue.depth() == 1


async def test_a_queue_that_cannot_be_read_is_asked_again_after_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[float] = []

    async def refuse(**_limits: object) -> list[QueuedMessage]:
        asked.append(asyncio.get_running_loop().time())
        raise HttpResponseError("(AuthorizationFailed) The client has no role.")

    monkeypatch.setattr("host.queue_pump._PAUSE_S", 0.1)
    with local_services(tmp_path) as services:
        monkeypatch.setattr(services.queue, "receive", refuse)
        dispatcher = cast("Dispatcher", SlowDispatcher(services.queue))
        pump = asyncio.create_task(pump_queue(services.queue, dispatcher))
        await until(lambda: len(asked) == 2)
        pump.cancel()
        await asyncio.wait([pump])

    assert pump.cancelled()  # also in the pause after a fault
    assert asked[1] - asked[0] > 0.09
    assert [vars(line)["action"] for line in caplog.records] == ["queue_unavailable"] * 2
    assert all(line.exc_info for line in caplog.records)


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
