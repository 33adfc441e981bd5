"""The dead letters of a queue: looked through by peeking, taken out by their place in the line.

Service Bus gives a dead letter to whoever comes next and has no way to ask for a certain one, so
the others are held for a moment and given back. A link is opened for each call: that is for people.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from adapters.azure.service_bus import SERVICE, service_bus_errors_translated
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

_PAGE = 250  # the service gives no more at a time
_WAIT_S = 2.0
_MOST = 10_000  # looked through


class DeadLetters:
    """Those of one queue. Every method may raise ServiceUnavailableError."""

    def __init__(self, client: ServiceBusClient, queue: str) -> None:
        self._client = client
        self._queue = queue

    async def newest(self, limit: int) -> list[ServiceBusReceivedMessage]:
        """The last ones, newest first. The body of a message that was peeked can be read."""
        with service_bus_errors_translated(self._queue):
            async with self._link() as link:
                found = [message async for message in peeked(link)]
        return found[: -limit - 1 : -1]

    @asynccontextmanager
    async def taken(self, message_id: str) -> AsyncGenerator[ServiceBusReceivedMessage | None]:
        """A dead letter of this ID under lock, removed when the block ends well; None: there is
        none. The ID of one that was resubmitted before begins with it and a ``#``.
        """
        with service_bus_errors_translated(self._queue):
            async with self._link() as link:
                sequence = await _sequence_of(link, message_id)
                if sequence is None:
                    yield None
                    return
                message = await _locked(link, sequence)
                yield message
                await link.complete_message(message)

    def _link(self) -> ServiceBusReceiver:
        from azure.servicebus import ServiceBusSubQueue

        return self._client.get_queue_receiver(
            self._queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER
        )


async def peeked(link: ServiceBusReceiver) -> AsyncIterator[ServiceBusReceivedMessage]:
    """The messages of a queue in their order, without a lock; at most 10,000."""
    following, seen = 1, 0
    while seen < _MOST:
        page = await link.peek_messages(_PAGE, sequence_number=following)
        for message in page:
            yield message
        if not page:
            return
        seen += len(page)
        following = (page[-1].sequence_number or 0) + 1


async def _sequence_of(link: ServiceBusReceiver, message_id: str) -> int | None:
    async for message in peeked(link):
        if (message.message_id or "").partition("#")[0] == message_id.partition("#")[0]:
            return message.sequence_number
    return None


async def _locked(link: ServiceBusReceiver, sequence: int) -> ServiceBusReceivedMessage:
    """Lock dead letters until this one comes, and give the others back."""
    others: list[ServiceBusReceivedMessage] = []
    try:
        while page := await link.receive_messages(_PAGE, max_wait_time=_WAIT_S):
            wanted = [message for message in page if message.sequence_number == sequence]
            others += [message for message in page if message.sequence_number != sequence]
            if wanted:
                return wanted[0]
    finally:
        for message in others:
            await link.abandon_message(message)
    raise ServiceUnavailableError(SERVICE, "somebody else works on this dead letter")
