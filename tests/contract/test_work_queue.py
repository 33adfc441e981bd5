"""What every WorkQueue must keep. An adapter joins by another parameter of the `queues` fixture."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from adapters.azure.work_queue import ServiceBusWorkQueue
from adapters.clock import SystemClock
from adapters.local.queue_rows import QueueRules
from adapters.local.work_queue import LocalWorkQueue
from shared.settings.azure import ServiceBusSettings
from tests.fakes.service_bus import broker as service_bus
from tests.support.local_services import local_database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence
    from pathlib import Path

    from shared.ports import QueuedMessage, WorkQueue

pytestmark = pytest.mark.asyncio(loop_scope="module")  # links to Service Bus take long to open

AZURE_LOCK_S = 1.2  # longer than a link takes to open
MAX_DELIVERIES = 3


@dataclass(frozen=True, slots=True)
class Queues:
    """Two ends of one queue, as two processes have them, and how long its locks last."""

    one: WorkQueue
    other: WorkQueue
    lock_s: float


@pytest.fixture(params=["local", "azure"])
def queues(request: pytest.FixtureRequest) -> Queues:
    return request.getfixturevalue(f"{request.param}_queues")


@pytest.fixture
def local_queues(tmp_path: Path) -> Generator[Queues]:
    lock_s = 0.4
    rules = QueueRules(lock=timedelta(seconds=lock_s), max_delivery_count=MAX_DELIVERIES)
    with local_database(tmp_path) as first, local_database(tmp_path) as second:
        yield Queues(
            LocalWorkQueue(first, SystemClock(), rules),
            LocalWorkQueue(second, SystemClock(), rules),
            lock_s,
        )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def namespace() -> AsyncGenerator[tuple[service_bus.Broker, ServiceBusWorkQueue]]:
    rules = service_bus.QueueRules(
        lock_s=AZURE_LOCK_S, max_delivery_count=MAX_DELIVERIES, duplicates_known_for_s=60
    )
    entities = service_bus.Entities(queues={"submissions": rules})
    async with service_bus.broker(entities) as broker:
        queue = service_bus_queue(broker)
        await queue.send("first", b"")  # opens what takes its time to open
        await queue.complete(*await take(queue, wait_s=5))
        yield broker, queue
        await queue.close()


@pytest_asyncio.fixture(loop_scope="module")
async def azure_queues(
    namespace: tuple[service_bus.Broker, ServiceBusWorkQueue],
) -> AsyncGenerator[Queues]:
    broker, one = namespace
    other = service_bus_queue(broker)
    yield Queues(one, other, AZURE_LOCK_S)
    await other.close()
    broker.queue_at("submissions").clear()
    await take(one, 100)  # what is on its way to the link that stays open


def service_bus_queue(broker: service_bus.Broker) -> ServiceBusWorkQueue:
    settings = ServiceBusSettings(connection_string=broker.connection_string)
    return ServiceBusWorkQueue.open(settings, renew_for=timedelta(0))


@pytest.fixture
def queue(queues: Queues) -> WorkQueue:
    return queues.one


async def take(queue: WorkQueue, count: int = 1, wait_s: float = 0) -> Sequence[QueuedMessage]:
    return await queue.receive(max_messages=count, max_wait_s=wait_s)


async def test_what_is_sent_is_received_under_lock(queue: WorkQueue) -> None:
    await queue.send("one", b"body", application_properties={"traceparent": "00-ab"})

    (message,) = await take(queue)

    assert (message.message_id, message.body, message.delivery_count) == ("one", b"body", 1)
    assert message.application_properties == {"traceparent": "00-ab"}
    assert await take(queue) == ()
    assert await queue.depth() == 1


async def test_messages_come_in_the_order_in_which_they_were_sent(queue: WorkQueue) -> None:
    for number in range(5):
        await queue.send(str(number), b"")

    first, rest = await take(queue, 2), await take(queue, 10)

    assert [message.message_id for message in (*first, *rest)] == ["0", "1", "2", "3", "4"]


async def test_a_completed_message_is_gone_and_its_id_is_remembered(queues: Queues) -> None:
    queue = queues.one
    await queue.send("one", b"")
    (message,) = await take(queue)
    await queue.complete(message)
    await queue.complete(message)

    await queue.send("one", b"again")

    assert await queue.depth() == 0
    assert await take(queue, wait_s=queues.lock_s * 1.5) == ()


async def test_a_message_that_is_sent_twice_is_queued_once(queue: WorkQueue) -> None:
    await asyncio.gather(*(queue.send("one", b"") for _ in range(5)))

    assert len(await take(queue, 10)) == 1


async def test_many_messages_are_settled_at_the_same_time(queue: WorkQueue) -> None:
    for number in range(30):
        await queue.send(str(number), b"")
    done, back, aside = (await take(queue, 10), await take(queue, 10), await take(queue, 10))

    await asyncio.gather(
        *(queue.complete(message) for message in done),
        *(queue.abandon(message) for message in back),
        *(queue.dead_letter(message, reason="no", description="No.") for message in aside),
    )

    again = await take(queue, 30)
    assert [message.message_id for message in again] == [str(number) for number in range(10, 20)]
    assert await queue.depth() == 10
    assert len(await queue.dead_letters()) == 10


async def test_a_message_comes_again_when_its_lock_ends(queues: Queues) -> None:
    queue = queues.one
    await queue.send("one", b"")
    (first,) = await take(queue)

    began = time.monotonic()
    (second,) = await take(queue, wait_s=5)

    assert time.monotonic() - began == pytest.approx(queues.lock_s, abs=0.3)
    assert second.delivery_count == 2
    assert second.lock_token != first.lock_token


async def test_who_has_lost_the_lock_cannot_touch_the_message(queue: WorkQueue) -> None:
    await queue.send("one", b"")
    (lost,) = await take(queue)
    (held,) = await take(queue, wait_s=5)

    await queue.complete(lost)
    await queue.abandon(lost)
    await queue.dead_letter(lost, reason="late", description="Too late.")

    assert await take(queue) == ()
    await queue.complete(held)
    assert await queue.depth() == 0
    assert await queue.dead_letters() == ()


async def test_an_abandoned_message_comes_again_at_once(queue: WorkQueue) -> None:
    await queue.send("one", b"")
    (message,) = await take(queue)

    await queue.abandon(message)

    (again,) = await take(queue)
    assert again.delivery_count == 2


async def test_an_abandoned_message_waits_for_its_delay(queue: WorkQueue) -> None:
    await queue.send("one", b"")
    (message,) = await take(queue)

    await queue.abandon(message, delay_s=0.8)

    assert await take(queue) == ()
    assert len(await take(queue, wait_s=5)) == 1


async def test_a_message_that_is_delivered_too_often_is_put_aside(queue: WorkQueue) -> None:
    await queue.send("poison", b"body")
    for _ in range(MAX_DELIVERIES):
        (message,) = await take(queue)
        await queue.abandon(message)

    assert await take(queue) == ()

    (dead,) = await queue.dead_letters()
    assert (dead.message_id, dead.body) == ("poison", b"body")
    assert dead.reason == "MaxDeliveryCountExceeded"
    assert str(MAX_DELIVERIES) in dead.description
    assert await queue.depth() == 0


async def test_a_message_that_is_sent_anew_in_time_is_never_delivered_too_often(
    queue: WorkQueue,
) -> None:
    await queue.send("one", b"body", application_properties={"traceparent": "00-ab"})
    for copy in ("one#copy-1", "one#copy-2"):
        for _ in range(MAX_DELIVERIES - 1):
            (message,) = await take(queue)
            await queue.abandon(message)
        (message,) = await take(queue)
        for _ in range(2):  # once more, as after a crash
            await queue.send(
                copy, message.body, application_properties=message.application_properties
            )
        await queue.complete(message)

    (last,) = await take(queue, 10)
    assert (last.message_id, last.body, last.delivery_count) == ("one#copy-2", b"body", 1)
    assert last.application_properties == {"traceparent": "00-ab"}
    assert await queue.dead_letters() == ()


async def test_dead_letters_say_why_newest_first(queue: WorkQueue) -> None:
    for name in ("one", "two"):
        await queue.send(name, b"")
        (message,) = await take(queue)
        await queue.dead_letter(message, reason="refused", description=f"No {name}.")

    letters = await queue.dead_letters()

    assert [letter.description for letter in letters] == ["No two.", "No one."]
    assert letters[0].enqueued_at <= letters[0].dead_lettered_at
    assert letters[0].dead_lettered_at.endswith("Z")
    assert len(await queue.dead_letters(limit=1)) == 1


async def test_a_resubmitted_dead_letter_begins_anew(queue: WorkQueue) -> None:
    await queue.send("one", b"body")
    (message,) = await take(queue)
    await queue.dead_letter(message, reason="refused", description="No.")

    assert await queue.resubmit("one")
    assert not await queue.resubmit("one")
    assert not await queue.resubmit("unknown")

    (again,) = await take(queue)
    assert (again.body, again.delivery_count) == (b"body", 1)
    assert await queue.dead_letters() == ()


async def test_a_dead_letter_is_resubmitted_by_what_stands_before_the_mark_in_its_id(
    queue: WorkQueue,
) -> None:
    await queue.send("one#copy-3", b"body")
    await queue.send("ones#copy-3", b"of another")
    for message in await take(queue, 2):
        await queue.dead_letter(message, reason="refused", description="No.")

    assert await queue.resubmit("one")
    assert not await queue.resubmit("one")

    (again,) = await take(queue, 2)
    assert again.body == b"body"


async def test_a_receiver_wakes_at_once_when_something_is_sent(queue: WorkQueue) -> None:
    receiving = asyncio.create_task(take(queue, wait_s=600))
    await asyncio.sleep(0.1)

    await queue.send("one", b"")
    async with asyncio.timeout(60):
        messages = await receiving

    assert len(messages) == 1


async def test_a_receiver_wakes_for_another_process(queues: Queues) -> None:
    receiving = asyncio.create_task(take(queues.one, wait_s=600))
    await asyncio.sleep(0.1)

    await queues.other.send("one", b"")
    async with asyncio.timeout(60):
        messages = await receiving

    assert len(messages) == 1


async def test_a_receiver_waits_no_longer_than_it_was_told(queue: WorkQueue) -> None:
    began = time.monotonic()

    assert await take(queue, wait_s=0.2) == ()

    assert 0.15 < time.monotonic() - began < 60


async def test_receivers_at_the_same_time_share_the_messages(queues: Queues) -> None:
    await take(queues.other)  # opens what takes its time to open
    for number in range(30):
        await queues.one.send(str(number), b"")

    async def take_all(queue: WorkQueue) -> list[QueuedMessage]:
        taken: list[QueuedMessage] = []
        while messages := await take(queue, 5):
            taken += messages
            for message in messages:
                await queue.complete(message)
        return taken

    shares = await asyncio.gather(
        *(take_all(queue) for queue in (queues.one, queues.other) for _ in range(2))
    )

    received = [message.message_id for share in shares for message in share]
    assert sorted(received, key=int) == [str(number) for number in range(30)]


async def test_a_cancelled_receiver_keeps_no_message(queue: WorkQueue) -> None:
    for _ in range(3):
        receiving = asyncio.create_task(take(queue, wait_s=5))
        await asyncio.sleep(0)
        receiving.cancel()
        await asyncio.wait([receiving])
    await queue.send("one", b"")

    receiving = asyncio.create_task(take(queue, wait_s=5))
    await asyncio.sleep(0)  # its lock is on the way
    receiving.cancel()
    await asyncio.wait([receiving])

    assert receiving.cancelled()
    assert len(await take(queue)) == 1
