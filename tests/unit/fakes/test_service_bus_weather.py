"""What the broker says in bad weather, as the official SDK hears it."""

from __future__ import annotations

import gc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from tests.fakes.service_bus.broker import Broker, Entities, broker
from tests.fakes.service_bus.queue import QueueRules
from tests.support.weather import Weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Generator

    from azure.servicebus.aio import ServiceBusSender

QUEUE = "submissions"
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def collected() -> Generator[None]:
    """The SDK leaves the sockets of connections that broke to the garbage collector."""
    yield
    gc.collect()


@asynccontextmanager
async def sending() -> AsyncGenerator[tuple[Broker, ServiceBusClient, ServiceBusSender]]:
    """A broker, a client that tries everything once, and its open link."""
    async with (
        broker(Entities(queues={QUEUE: QueueRules()})) as running,
        ServiceBusClient.from_connection_string(running.connection_string, retry_total=0) as client,
        client.get_queue_sender(QUEUE) as sender,
    ):
        yield running, client, sender


async def send(sender: ServiceBusSender, text: str) -> None:
    await sender.send_messages(ServiceBusMessage(text, message_id=text))


async def error_of(doing: Awaitable[object]) -> type[Exception]:
    """What a call raises."""
    with pytest.raises(ServiceBusError) as caught:
        await doing
    return caught.type


def held_by(running: Broker) -> list[object]:
    """The IDs of the messages in the queue."""
    return [message.message_id for message in running.queue_at(QUEUE).peek(0, 99, None)]


async def test_a_busy_broker_refuses_all_that_is_asked_and_sends_receivers_away() -> None:
    async with sending() as (running, client, sender):
        await send(sender, "before")
        async with client.get_queue_receiver(QUEUE) as receiver:
            (message,) = await receiver.receive_messages(1, max_wait_time=1)
            running.weather = Weather.THROTTLING
            busy = [
                await error_of(send(sender, "busy")),
                await error_of(receiver.receive_messages(1, max_wait_time=1)),
                await error_of(receiver.renew_message_lock(message)),
                await error_of(client.get_queue_receiver(QUEUE).__aenter__()),
            ]
        assert busy == [ServiceBusServerBusyError] * 4
        assert running.faults.struck == 4
        running.weather = Weather.WELL
        await send(sender, "after")
        assert held_by(running) == ["before", "after"]


async def test_a_broker_that_errs_gives_all_kinds_of_errors_and_may_have_done_it() -> None:
    async with sending() as (running, _, sender):
        running.weather = Weather.WRONG
        assert [await error_of(send(sender, text)) for text in "abc"] == [
            ServiceBusError,  # not done
            OperationTimeoutError,  # done; and the SDK opens another link
            MessagingEntityNotFoundError,
        ]
        assert running.faults.struck == 3
        running.weather = Weather.WELL
        await send(sender, "d")
        assert held_by(running) == ["b", "d"]


async def test_who_receives_from_a_broker_that_errs_cannot_know_what_is_complete() -> None:
    async with sending() as (running, client, sender):
        for text in "ab":
            await send(sender, text)
        async with client.get_queue_receiver(QUEUE) as receiver:
            running.weather = Weather.WRONG
            for message in await receiver.receive_messages(2, max_wait_time=1):
                await receiver.__aenter__()  # the SDK has closed the link after an error
                await error_of(receiver.complete_message(message))
        assert held_by(running) == ["a"]


async def test_what_takes_no_words_of_the_protocol_is_left_to_a_proxy() -> None:
    async with broker(Entities()) as running:
        for weather in (Weather.DOWN, Weather.SLOW, Weather.CUT):
            with pytest.raises(ValueError, match="proxy"):
                running.weather = weather
        assert running.weather is Weather.WELL
