"""Takes messages from a queue, holds them under lock, and settles them, in any weather.

A message can be settled on any link of its queue: its lock is the queue's, not the link's. What is
not settled when this process dies comes again when its lock ends.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from adapters.azure.held_messages import HeldMessages
from adapters.azure.kept_link import KeptLink, kept_for_now
from adapters.azure.service_bus import SERVICE
from shared.errors import IngestError, ServiceUnavailableError
from shared.ids import submission_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from datetime import timedelta

    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusReceiver

    from shared.ports import QueuedMessage

    type Settle = Callable[
        [ServiceBusReceiver, ServiceBusReceivedMessage], Coroutine[Any, Any, object]
    ]
    type Look[Result] = Callable[[ServiceBusReceiver], Coroutine[Any, Any, Result]]

logger = logging.getLogger(__name__)

_SHORTEST_WAIT_S = 0.5  # the queue must have time to answer
_SLICE_S = 0.5  # of a wait: what a cancelled receive still takes


class OpenReceiver:
    """Receives from `entity` on a link that is kept open."""

    def __init__(
        self, entity: str, make_link: Callable[[], ServiceBusReceiver], *, renew_for: timedelta
    ) -> None:
        self._entity = entity
        self._make_link = make_link
        self._link = KeptLink(entity, make_link)
        self._held = HeldMessages(self._renew, renew_for)
        self._turn = asyncio.Lock()

    async def receive(
        self, max_messages: int, max_wait_s: float
    ) -> Sequence[ServiceBusReceivedMessage]:
        """Lock messages; one call at a time, others wait for their turn. A call that is cancelled
        gives back what it has got. Raises ServiceUnavailableError.
        """
        async with self._turn:
            loop = asyncio.get_running_loop()
            deadline = loop.time() + max_wait_s
            while True:
                left = deadline - loop.time()
                wait_s = min(max(left, _SHORTEST_WAIT_S), _SLICE_S)
                received = await self._receive_slice(max_messages, wait_s)
                if received or loop.time() >= deadline:
                    return received

    async def settle(self, message: QueuedMessage, settle: Settle) -> None:
        """Do something with a message that is ours; nothing when its lock has ended. If it fails,
        the end of the lock gives the message back. Raises ServiceUnavailableError.
        """
        if (received := self._held.release(message.lock_token)) is None:
            _tell_lost_lock(message.message_id)
        else:
            await self._unless_lost(received, settle)

    async def browse[Result](self, look: Look[Result]) -> Result:
        """Look into the queue: through the link that is open, or one for this once, because a link
        takes a message now and then, and keeps it from others while nobody receives.
        """
        if self._link.is_open:
            return await self._link.use(look)
        async with kept_for_now(self._entity, self._make_link) as link:
            return await link.use(look)

    async def close(self) -> None:
        """Renew no more, and close the link."""
        await self._held.close()
        await self._link.close()

    async def _receive_slice(
        self, max_messages: int, wait_s: float
    ) -> Sequence[ServiceBusReceivedMessage]:
        taken: list[ServiceBusReceivedMessage] = []

        async def take(link: ServiceBusReceiver) -> None:
            taken.extend(await self._take(link, max_messages, wait_s))

        try:
            await self._link.use(take)
        except asyncio.CancelledError:
            with suppress(IngestError):
                for message in taken:
                    await self._unless_lost(message, abandon)
            raise
        self._held.add(taken)
        return taken

    async def _take(
        self, link: ServiceBusReceiver, max_messages: int, wait_s: float
    ) -> Sequence[ServiceBusReceivedMessage]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        taking = asyncio.ensure_future(link.receive_messages(max_messages, max_wait_time=wait_s))
        try:
            messages = await asyncio.shield(taking)
        except asyncio.CancelledError:
            return await taking  # the SDK forgets what it has taken when it is cancelled
        if not messages and loop.time() - began < wait_s / 2:
            # That the link has ended is not always an error (`_client_run_async` of the SDK).
            raise ServiceUnavailableError(SERVICE, f"{self._entity}: its link has ended")
        return messages

    async def _renew(self, message: ServiceBusReceivedMessage) -> None:
        async def renew(link: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
            await link.renew_message_lock(message)

        await self._unless_lost(message, renew)

    async def _unless_lost(self, message: ServiceBusReceivedMessage, settle: Settle) -> None:
        from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError

        async def do(link: ServiceBusReceiver) -> None:
            try:
                await settle(link, message)
            except (MessageAlreadySettled, MessageLockLostError):
                self._held.release(str(message.lock_token))
                _tell_lost_lock(message.message_id or "")

        await self._link.use(do)


def _tell_lost_lock(message_id: str) -> None:
    facts = {"action": "message_lock_lost", "submission_id": submission_of(message_id)}
    logger.info("lock was lost", extra=facts)


async def complete(link: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
    """The message is done."""
    await link.complete_message(message)


async def abandon(link: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
    """The message is given back."""
    await link.abandon_message(message)
