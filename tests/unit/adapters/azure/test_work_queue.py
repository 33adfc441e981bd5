"""What the Service Bus queue does beyond its port: faults, renewal, crowds, a broker that dies."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.azure.work_queue import ServiceBusWorkQueue
from shared.errors import ServiceUnavailableError, SettingsError
from shared.settings.azure import ServiceBusSettings
from tests.fakes.service_bus.broker import Broker, Entities, broker
from tests.fakes.service_bus.queue import QueueRules
from tests.support.service_bus import ServiceBusProcess

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from shared.ports import QueuedMessage

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # see `collected`

RULES = QueueRules(lock_s=4.0, duplicates_known_for_s=60)


@pytest.fixture(autouse=True)
def collected() -> Generator[None]:
    """The SDK leaves the sockets of connections that broke to the garbage collector."""
    yield
    gc.collect()


@asynccontextmanager
async def opened(
    running: Broker, queue: str = "submissions"
) -> AsyncGenerator[ServiceBusWorkQueue]:
    settings = ServiceBusSettings(connection_string=running.connection_string, queue=queue)
    work_queue = ServiceBusWorkQueue.open(settings)
    try:
        yield work_queue
    finally:
        await work_queue.close()


def namespace(rules: QueueRules = RULES) -> AbstractAsyncContextManager[Broker]:
    return broker(Entities(queues={"submissions": rules}))


async def take(queue: ServiceBusWorkQueue, wait_s: float = 5) -> QueuedMessage:
    (message,) = await queue.receive(max_messages=1, max_wait_s=wait_s)
    return message


async def test_a_lock_is_renewed_for_as_long_as_the_work_takes() -> None:
    async with namespace() as running, opened(running) as queue:
        await queue.send("one", b"")
        message = await take(queue)
        await asyncio.sleep(1.25 * RULES.lock_s)

        await queue.complete(message)

        assert await queue.depth() == 0
        assert await queue.dead_letters() == ()


async def test_a_crowd_of_senders_shares_its_round_trips() -> None:
    async with namespace() as running, opened(running) as queue:
        await queue.send("first", b"")
        running.faults.delay_s = 0.5  # a round trip: 100 s if each took one of its own

        began = time.monotonic()
        await asyncio.gather(*(queue.send(str(number), b"x" * 100) for number in range(200)))

        assert time.monotonic() - began < 50
        running.faults.delay_s = 0
        assert await queue.depth() == 201


async def test_the_depth_can_be_asked_for_while_messages_are_waited_for() -> None:
    async with namespace() as running, opened(running) as queue:
        receiving = asyncio.create_task(take(queue))
        await asyncio.sleep(1)  # its link is open

        assert [await queue.depth() for _ in range(3)] == [0, 0, 0]
        await queue.send("one", b"")

        await queue.complete(await receiving)
        assert await queue.depth() == 0


async def test_a_message_can_be_settled_after_the_connection_was_cut() -> None:
    async with namespace() as running, opened(running) as queue:
        await queue.send("one", b"")
        message = await take(queue)
        running.sever()

        await queue.complete(message)

        assert await queue.receive(max_messages=1, max_wait_s=0) == ()
        assert await queue.depth() == 0


async def test_what_waits_for_its_delay_is_given_back_at_the_end() -> None:
    async with namespace(QueueRules(lock_s=60)) as running:
        async with opened(running) as queue:
            await queue.send("one", b"")
            await queue.abandon(await take(queue), delay_s=60)
        async with opened(running) as queue:
            assert (await take(queue)).delivery_count == 2


async def test_faults_of_the_service_are_said_in_a_sentence() -> None:
    async with namespace() as running:
        async with opened(running, "nowhere") as queue:
            with pytest.raises(ServiceUnavailableError, match="no queue or topic of this name"):
                await queue.send("one", b"")
        async with opened(running) as queue:
            await queue.send("one", b"")
            running.faults.refuse_with = "com.microsoft:server-busy"
            with pytest.raises(ServiceUnavailableError, match="submissions: it is busy"):
                await queue.send("two", b"")
        await running.stop()
        async with opened(running) as queue:
            with pytest.raises(ServiceUnavailableError, match="does not answer properly"):
                await queue.receive(max_messages=1, max_wait_s=0.1)


async def test_settings_that_cannot_be_used_are_named() -> None:
    with pytest.raises(SettingsError, match="ServiceBusConnection__fullyQualifiedNamespace"):
        ServiceBusWorkQueue.open(ServiceBusSettings())
    with pytest.raises(SettingsError, match="ServiceBusConnection: it cannot be used"):
        ServiceBusWorkQueue.open(ServiceBusSettings(connection_string="nonsense"))


async def test_nothing_is_lost_or_doubled_when_the_broker_is_killed(tmp_path: Path) -> None:
    process = ServiceBusProcess(tmp_path)
    process.start()
    queue = ServiceBusWorkQueue.open(process.settings, renew_for=timedelta(0))
    try:
        sent = await _send_through_a_kill(queue, process)
        received = await _receive_through_a_kill(queue, process)
    finally:
        await queue.close()
        process.kill()

    assert sorted(received) == sorted(sent)


async def _send_through_a_kill(queue: ServiceBusWorkQueue, process: ServiceBusProcess) -> list[str]:
    names = [f"message-{number}" for number in range(60)]
    for name in names[:30]:
        await queue.send(name, b"")
    process.kill()
    process.start()
    for name in names:  # whoever is unsure sends again
        await queue.send(name, b"")
    return names


async def _receive_through_a_kill(
    queue: ServiceBusWorkQueue, process: ServiceBusProcess
) -> list[str]:
    completed: list[str] = []
    kills = 1
    while len(completed) < 60:
        messages = await queue.receive(max_messages=20, max_wait_s=5)
        for message in messages[:10]:
            await queue.complete(message)
            completed.append(message.message_id)
        if kills and len(completed) >= 20:
            kills -= 1
            process.kill()  # with ten messages under lock
            process.start()
        else:
            for message in messages[10:]:
                await queue.abandon(message)
    assert await queue.depth() == 0
    return completed


async def test_a_queue_that_was_closed_says_so_and_leaves_nobody_waiting() -> None:
    async with namespace() as running:
        async with opened(running) as queue:
            await queue.send("one", b"")
        async with asyncio.timeout(60):
            with pytest.raises(ServiceUnavailableError, match="submissions: it was closed"):
                await queue.send("two", b"")
            with pytest.raises(ServiceUnavailableError, match="submissions: it was closed"):
                await queue.receive(max_messages=1, max_wait_s=600)


async def test_a_message_says_what_it_is() -> None:
    async with namespace() as running, opened(running) as queue:
        await queue.send("mail-1", b"{}", application_properties={"traceparent": "00-ab"})
        (sent,) = running.queue_at("submissions").peek(0, 1, None)
    properties = sent.sections.properties
    assert properties["message_id"] == "mail-1"
    assert properties["subject"] == "submission-queued"
    assert properties["content_type"] == "application/json"
