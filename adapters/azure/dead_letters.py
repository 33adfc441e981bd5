"""The dead letters of a queue: looked through by peeking, taken out by their place in the line.

Service Bus gives a dead letter to whoever comes next and has no way to ask for a certain one, so
the others are held for a moment and given back. A link is opened for each call: that is for people.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from adapters.azure.kept_link import KeptLink, kept_for_now
from adapters.azure.service_bus import SERVICE
from shared.errors import ServiceUnavailableError
from shared.ids import submission_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

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
        async with self._link() as link:
            found = await link.use(peeked)
        return found[: -limit - 1 : -1]

    @asynccontextmanager
    async def taken(self, message_id: str) -> AsyncGenerator[ServiceBusReceivedMessage | None]:
        """A dead letter of this ID under lock, removed when the block ends well; None: there is
        none. The ID of one that was resubmitted before begins with it and a ``#``.
        """
        async with self._link() as link:
            sequence = _sequence_of(await link.use(peeked), message_id)
            if sequence is None:
                yield None
                return
            message = await link.use(lambda receiver: _locked(receiver, sequence))
            if message is None:
                raise ServiceUnavailableError(SERVICE, "somebody else works on this dead letter")
            yield message
            await link.use(lambda receiver: receiver.complete_message(message))

    def _link(self) -> AbstractAsyncContextManager[KeptLink[ServiceBusReceiver]]:
        return kept_for_now(f"dead letters of {self._queue}", self._make_link)

    def _make_link(self) -> ServiceBusReceiver:
        from azure.servicebus import ServiceBusSubQueue

        return self._client.get_queue_receiver(
            self._queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER
        )


async def peeked(link: ServiceBusReceiver) -> list[ServiceBusReceivedMessage]:
    """The messages of a queue in their order, without a lock; about 10,000 at the most."""
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < _MOST:
        following = (found[-1].sequence_number or 0) + 1 if found else 1
        page = await link.peek_messages(_PAGE, sequence_number=following)
        if not page:
            break
        found += page
    return found


def _sequence_of(dead: list[ServiceBusReceivedMessage], message_id: str) -> int | None:
    for message in dead:
        if submission_of(message.message_id or "") == submission_of(message_id):
            return message.sequence_number
    return None


async def _locked(link: ServiceBusReceiver, sequence: int) -> ServiceBusReceivedMessage | None:
    """Lock dead letters until this one comes, and give the others back."""
    others: list[ServiceBusReceivedMessage] = []
    try:
        while page := await link.receive_messages(_PAGE, max_wait_time=_WAIT_S):
            wanted = [message for message in page if message.sequence_number == sequence]
            others += [message for message in page if message.sequence_number != sequence]
            if wanted:
                return wanted[0]
    finally:
        await _give_back(link, others)
    return None


async def _give_back(link: ServiceBusReceiver, others: list[ServiceBusReceivedMessage]) -> None:
    """If that fails, the ends of their locks do it."""
    from azure.core.exceptions import AzureError

    with suppress(AzureError, ValueError):
        for message in others:
            await link.abandon_message(message)
