"""The WorkQueue port on a queue of Service Bus.

The queue needs duplicate detection (the message ID is the submission's), and its own number of
deliveries must not be below the dispatcher's. The identity needs the role Azure Service Bus Data
Owner. One queue object belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from adapters.azure.dead_letters import DeadLetters, peeked
from adapters.azure.queue_receiver import OpenReceiver, abandon, complete
from adapters.azure.queue_sender import OpenSender
from adapters.azure.service_bus import service_bus_client
from shared.errors import IngestError
from shared.events import rfc3339
from shared.ids import submission_of
from shared.ports import DeadLetter, QueuedMessage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

    from shared.settings.azure import ServiceBusSettings

logger = logging.getLogger(__name__)

SUBJECT = "submission-queued"
_RENEW_FOR = timedelta(minutes=5)
_LONGEST_CLOSING_S = 2.0  # for what waits; else the ends of the locks give it back
_MOST_REASON = 4096  # characters that Service Bus keeps of a reason


class ServiceBusWorkQueue:
    """Every method may raise ServiceUnavailableError; `send` also StorageFullError."""

    def __init__(self, client: ServiceBusClient, queue: str, *, renew_for: timedelta) -> None:
        self._sender = OpenSender(queue, lambda: client.get_queue_sender(queue))
        self._receiver = OpenReceiver(
            queue, lambda: client.get_queue_receiver(queue), renew_for=renew_for
        )
        self._dead_letters = DeadLetters(client, queue)
        self._waiting: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    @classmethod
    def open(
        cls,
        settings: ServiceBusSettings,
        *,
        credential: AsyncTokenCredential | None = None,
        renew_for: timedelta = _RENEW_FOR,
    ) -> Self:
        """The queue that the settings name; connects when it is used. Raises SettingsError.

        The lock of a message is renewed for `renew_for` at the most; 0: never.
        """
        client = service_bus_client(settings, credential)
        return cls(client, settings.queue, renew_for=renew_for)

    async def close(self) -> None:
        """Give back what waits for its delay, and close the links."""
        self._closing.set()
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=_LONGEST_CLOSING_S)
        await asyncio.gather(self._sender.close(), self._receiver.close())

    async def send(
        self,
        message_id: str,
        body: bytes,
        *,
        application_properties: Mapping[str, str] | None = None,
    ) -> None:
        """Enqueue; durable on return. A message_id that was sent before is ignored, for as long as
        the queue remembers it.
        """
        await self._sender.send(_message(message_id, body, application_properties or {}))

    async def receive(self, *, max_messages: int, max_wait_s: float) -> Sequence[QueuedMessage]:
        """Lock up to `max_messages`; waits at most `max_wait_s` for the first one, and a moment
        longer when that is nothing.
        """
        received = await self._receiver.receive(max_messages, max_wait_s)
        return tuple(_queued(message) for message in received)

    async def complete(self, message: QueuedMessage) -> None:
        """The message is done. Harmless when its lock has ended."""
        await self._receiver.settle(message, complete)

    async def abandon(self, message: QueuedMessage, *, delay_s: float = 0.0) -> None:
        """Give the message back, to be delivered again after `delay_s`.

        Service Bus has no such delay: we hold the message under its lock for so long. A copy that
        is scheduled would be a new message, with a new ID and no deliveries yet; and when this
        process dies, the lock ends and the message comes the sooner.
        """
        if delay_s <= 0:
            await self._receiver.settle(message, abandon)
            return
        task = asyncio.create_task(self._abandon_later(message, delay_s))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def dead_letter(self, message: QueuedMessage, *, reason: str, description: str) -> None:
        """Put the message aside, visibly."""

        async def put_aside(link: ServiceBusReceiver, received: ServiceBusReceivedMessage) -> None:
            await link.dead_letter_message(
                received,
                reason=reason[:_MOST_REASON],
                error_description=description[:_MOST_REASON],
            )

        await self._receiver.settle(message, put_aside)

    async def dead_letters(self, *, limit: int = 100) -> Sequence[DeadLetter]:
        """What was put aside, newest first. Service Bus does not tell when that was:
        `dead_lettered_at` is the earliest that it can have been.
        """
        return tuple(_dead_letter(each) for each in await self._dead_letters.newest(limit))

    async def resubmit(self, message_id: str) -> bool:
        """Put a dead letter back into the queue; False when there is none of that ID.

        What goes back is a copy, whose ID is the old one with a ``#`` and the dead letter's number:
        the queue would take the old ID for a duplicate, and the same dead letter is copied once.
        """
        async with self._dead_letters.taken(message_id) as dead:
            if dead is None:
                return False
            copy_id = f"{(dead.message_id or '').partition('#')[0]}#{dead.sequence_number}"
            await self._sender.send(_message(copy_id, _body(dead), _properties(dead)))
            return True

    async def depth(self) -> int:
        """How many messages wait or are locked; counted by peeking, up to 10,000."""
        return len(await self._receiver.browse(peeked))

    async def _abandon_later(self, message: QueuedMessage, delay_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._closing.wait()
        try:
            await self._receiver.settle(message, abandon)
        except IngestError as exc:
            facts = {
                "action": "message_not_abandoned",
                "submission_id": submission_of(message.message_id),
                "error": str(exc),
            }
            logger.warning("message not given back, its lock will end", extra=facts)


def _message(message_id: str, body: bytes, properties: Mapping[str, str]) -> ServiceBusMessage:
    from azure.servicebus import ServiceBusMessage

    typed: dict[str | bytes, Any] = {**properties}
    return ServiceBusMessage(
        body,
        message_id=message_id,
        subject=SUBJECT,
        content_type="application/json",
        application_properties=typed,
    )


def _queued(received: ServiceBusReceivedMessage) -> QueuedMessage:
    return QueuedMessage(
        message_id=received.message_id or "",
        body=_body(received),
        # On the wire the earlier deliveries are counted, as AMQP has it (part 3 section 3.2.1).
        delivery_count=(received.delivery_count or 0) + 1,
        lock_token=str(received.lock_token),
        application_properties=_properties(received),
    )


def _dead_letter(received: ServiceBusReceivedMessage) -> DeadLetter:
    enqueued_at = rfc3339(received.enqueued_time_utc or datetime.fromtimestamp(0, UTC))
    return DeadLetter(
        message_id=received.message_id or "",
        body=_body(received),
        reason=received.dead_letter_reason or "",
        description=received.dead_letter_error_description or "",
        enqueued_at=enqueued_at,
        dead_lettered_at=enqueued_at,
    )


def _body(received: ServiceBusReceivedMessage) -> bytes:
    """The bytes; empty for a body that is none, which no sender of ours writes."""
    from azure.servicebus.amqp import AmqpMessageBodyType

    if received.body_type is not AmqpMessageBodyType.DATA:
        return b""
    return b"".join(received.body)


def _properties(received: ServiceBusReceivedMessage) -> dict[str, str]:
    """The application properties that are ours: dead-lettering adds two of its own."""
    properties: Mapping[Any, Any] = received.application_properties or {}
    texts = {_text(name): _text(value) for name, value in properties.items()}
    return {name: text for name, text in texts.items() if not name.startswith("DeadLetter")}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
