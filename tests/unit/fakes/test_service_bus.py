"""The broker as the official SDK sees it: what the adapters' own tests do not touch."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusClient as AsyncClient
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageSizeExceededError,
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
)

from tests.fakes.service_bus.broker import Broker, Entities, broker
from tests.fakes.service_bus.queue import QueueRules

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable

    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusReceiver

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
ENTITIES = Entities(
    queues={"plain": QueueRules(lock_s=1), "sessions": QueueRules(lock_s=5, sessions=True)}
)


@pytest.fixture(autouse=True)
def collected() -> Generator[None]:
    """The SDK leaves the sockets of connections that broke to the garbage collector."""
    yield
    gc.collect()


def _token(message: ServiceBusReceivedMessage) -> UUID:
    assert isinstance(message.lock_token, UUID)
    return message.lock_token


@asynccontextmanager
async def served() -> AsyncGenerator[tuple[Broker, AsyncClient]]:
    async with broker(ENTITIES) as running:
        text = running.connection_string
        async with AsyncClient.from_connection_string(text, retry_total=0) as client:
            yield running, client


async def take(link: ServiceBusReceiver, count: int = 1) -> list[ServiceBusReceivedMessage]:
    return await link.receive_messages(count, max_wait_time=2)


def bodies(messages: Iterable[ServiceBusReceivedMessage]) -> list[str]:
    return [str(message) for message in messages]


async def test_a_session_is_held_by_one_and_comes_in_order() -> None:
    async with served() as (_, client):
        async with client.get_queue_sender("sessions") as sender:
            for text in ("a1", "b1", "a2"):
                await sender.send_messages(ServiceBusMessage(text, session_id=text[0]))
        async with client.get_queue_receiver("sessions", session_id="a") as held:
            await held.session.set_state(b"noted")
            assert await held.session.get_state() == b"noted"
            assert await held.session.renew_lock() > datetime.now(UTC)
            with pytest.raises(SessionCannotBeLockedError):
                async with client.get_queue_receiver("sessions", session_id="a"):
                    pass
            messages = await take(held, 5)
            assert bodies(messages) == ["a1", "a2"]
            for message in messages:
                await held.complete_message(message)
            following = client.get_queue_receiver("sessions", session_id=NEXT_AVAILABLE_SESSION)
            async with following:
                assert following.session.session_id == "b"


async def test_nobody_waits_for_a_session_longer_than_it_wants() -> None:
    async with served() as (_, client):
        with pytest.raises(OperationTimeoutError):
            async with client.get_queue_receiver(
                "sessions", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1
            ):
                pass
        with pytest.raises(ServiceBusError, match="requires sessions"):
            async with client.get_queue_receiver("sessions"):
                pass


async def test_scheduled_messages_come_in_time_or_never() -> None:
    async with served() as (_, client):
        soon = datetime.now(UTC) + timedelta(seconds=1)
        async with client.get_queue_sender("plain") as sender:
            numbers = await sender.schedule_messages(
                [ServiceBusMessage("kept"), ServiceBusMessage("cancelled")], soon
            )
            await sender.cancel_scheduled_messages(numbers[1])
        async with client.get_queue_receiver("plain") as link:
            (message,) = await take(link, 2)

    assert str(message) == "kept"
    assert message.enqueued_time_utc is not None
    assert message.enqueued_time_utc >= soon.replace(microsecond=0)


async def test_what_is_deferred_is_given_to_who_knows_its_number() -> None:
    async with served() as (_, client):
        async with client.get_queue_sender("plain") as sender:
            await sender.send_messages(ServiceBusMessage("later"))
        async with client.get_queue_receiver("plain") as link:
            (message,) = await take(link)
            await link.defer_message(message)
            assert message.sequence_number is not None
            (again,) = await link.receive_deferred_messages(message.sequence_number)
            await link.complete_message(again)
            assert await link.peek_messages() == []


async def test_what_is_deferred_stays_deferred_while_it_is_locked_and_given_back() -> None:
    async with served() as (_, client):
        async with client.get_queue_sender("plain") as sender:
            await sender.send_messages(ServiceBusMessage("later"))
        async with client.get_queue_receiver("plain") as link:
            (message,) = await take(link)
            await link.defer_message(message)
            assert message.sequence_number is not None
            (again,) = await link.receive_deferred_messages(message.sequence_number)
            assert again.state is ServiceBusMessageState.DEFERRED
            await link.abandon_message(again)
            (peeked,) = await link.peek_messages(sequence_number=1)
            assert peeked.state is ServiceBusMessageState.DEFERRED


async def test_a_message_is_no_larger_than_the_standard_tier_takes() -> None:
    async with served() as (_, client), client.get_queue_sender("plain") as sender:
        await sender.send_messages(ServiceBusMessage("x" * 250_000))
        with pytest.raises(MessageSizeExceededError):
            await sender.send_messages(ServiceBusMessage("x" * 300_000))


async def test_properties_that_a_receiver_modifies_are_delivered_with_the_message() -> None:
    async with served() as (running, client):
        async with client.get_queue_sender("plain") as sender:
            await sender.send_messages(ServiceBusMessage("x", application_properties={"old": 1}))
        async with client.get_queue_receiver("plain") as link:
            (message,) = await take(link)
            running.queue_at("plain").modify(_token(message), {"why": "late"})
            await link.abandon_message(message)
            (again,) = await take(link)
            assert again.application_properties == {b"old": 1, b"why": b"late"}


async def test_a_lock_can_be_renewed_until_it_has_ended() -> None:
    async with served() as (_, client):
        async with client.get_queue_sender("plain") as sender:
            await sender.send_messages(ServiceBusMessage("one"))
        async with client.get_queue_receiver("plain") as link:
            (message,) = await take(link)
            before = message.locked_until_utc
            await asyncio.sleep(0.2)
            await link.renew_message_lock(message)
            assert before is not None
            assert message.locked_until_utc is not None
            assert message.locked_until_utc > before
            await asyncio.sleep(1.1)
            with pytest.raises(MessageLockLostError):
                await link.complete_message(message)


async def test_a_message_that_nobody_took_in_its_time_is_a_dead_letter() -> None:
    async with served() as (_, client):
        async with client.get_queue_sender("plain") as sender:
            lifetime = timedelta(seconds=1)
            await sender.send_messages(ServiceBusMessage("late", time_to_live=lifetime))
            await asyncio.sleep(1.1)
        dead = client.get_queue_receiver("plain", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
        async with dead:
            (message,) = await take(dead)

    assert message.dead_letter_reason == "TTLExpiredException"


async def test_the_synchronous_sdk_sends_and_receives_large_messages() -> None:
    async with broker(ENTITIES) as running:
        received = await asyncio.to_thread(_send_and_receive, running.connection_string)

    assert received == b"x" * 200_000


def _send_and_receive(connection_string: str) -> bytes:
    with ServiceBusClient.from_connection_string(connection_string) as client:
        with client.get_queue_sender("plain") as sender:
            sender.send_messages(ServiceBusMessage(b"x" * 200_000))
            with pytest.raises(MessageSizeExceededError):
                sender.send_messages(ServiceBusMessage(b"x" * 1_100_000))
        with client.get_queue_receiver(
            "plain", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
        ) as link:
            (message,) = link.receive_messages(1, max_wait_time=5)
            return b"".join(message.body)


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 64,
        b"AMQP\x00\x01\x00\x00\xff\xff\xff\xff\x02\x00\x00\x00",
    ],
)
async def test_a_client_that_speaks_no_amqp_is_let_go_and_harms_nobody(noise: bytes) -> None:
    async with served() as (running, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(noise)
        async with asyncio.timeout(60):
            await reader.read()
        writer.close()
        await writer.wait_closed()
        async with client.get_queue_sender("plain") as sender:
            await sender.send_messages(ServiceBusMessage("fine"))
