"""One link from a queue that is kept open, and the messages that it holds under lock.

A lock is renewed until the message is settled, or `renew_for` is over. What is not settled when
this process dies comes again when its lock ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.azure.service_bus import service_bus_errors_translated
from shared.errors import IngestError

if TYPE_CHECKING:
    from datetime import timedelta

    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import AutoLockRenewer, ServiceBusReceiver

logger = logging.getLogger(__name__)

type OpenLink = Callable[[AutoLockRenewer | None], ServiceBusReceiver]
type Settle = Callable[[ServiceBusReceiver, ServiceBusReceivedMessage], Coroutine[Any, Any, None]]

_SHORTEST_WAIT_S = 0.5  # the queue must have time to answer
_SLICE_S = 0.5  # of a wait: what a cancelled receive still takes


class OpenReceiver:
    """Receives from `entity`. A link that broke is opened again by whatever comes next."""

    def __init__(self, entity: str, open_link: OpenLink, *, renew_for: timedelta) -> None:
        self._entity = entity
        self._open_link = open_link
        self._renew_for = renew_for
        self._renewer: AutoLockRenewer | None = None
        self._link: ServiceBusReceiver | None = None
        self._locked: dict[str, ServiceBusReceivedMessage] = {}
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

    async def settle(self, lock_token: str, settle: Settle) -> None:
        """Do something with a message that is ours; nothing when its lock has ended."""
        from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError

        if (message := self._locked.pop(lock_token, None)) is None:
            return
        with service_bus_errors_translated(self._entity):
            try:
                await settle(await self._opened(), message)
            except (MessageAlreadySettled, MessageLockLostError):
                logger.info("lock was lost", extra={"action": "message_lock_lost"})

    @asynccontextmanager
    async def browsed(self) -> AsyncGenerator[ServiceBusReceiver]:
        """A link to peek through: the one that is open, or one for this block only, because a link
        takes a message now and then, and keeps it from others while nobody receives.
        """
        if self._link is not None:
            yield await self._opened()
            return
        async with self._open_link(None) as link:
            yield link

    async def close(self) -> None:
        """Renew no more, and close the link."""
        if self._link is not None:
            await self._link.close()
        if self._renewer is not None:
            await self._renewer.close()

    async def _receive_slice(
        self, max_messages: int, wait_s: float
    ) -> Sequence[ServiceBusReceivedMessage]:
        # The SDK forgets what it has taken when it is cancelled, so it never is.
        receiving = asyncio.ensure_future(self._receive(max_messages, wait_s))
        try:
            return await asyncio.shield(receiving)
        except asyncio.CancelledError:
            with suppress(IngestError):
                for message in await receiving:
                    await self.settle(str(message.lock_token), abandon)
            raise

    async def _receive(
        self, max_messages: int, wait_s: float
    ) -> Sequence[ServiceBusReceivedMessage]:
        with service_bus_errors_translated(self._entity):
            received = await self._receive_or_reopen(max_messages, wait_s)
        now = datetime.now(UTC)
        self._locked = {
            token: message for token, message in self._locked.items() if _is_held(message, now)
        }
        self._locked |= {str(message.lock_token): message for message in received}
        return received

    async def _receive_or_reopen(
        self, max_messages: int, wait_s: float
    ) -> Sequence[ServiceBusReceivedMessage]:
        from azure.servicebus.exceptions import ServiceBusError

        link = await self._opened()
        try:
            return await link.receive_messages(max_messages, max_wait_time=wait_s)
        except ServiceBusError:
            # That the connection is gone shows only now, and `wait_s` is too short to open another.
            link = await self._opened()
            return await link.receive_messages(max_messages, max_wait_time=wait_s)

    async def _opened(self) -> ServiceBusReceiver:
        from azure.servicebus.aio import AutoLockRenewer

        if self._link is None:
            if self._renew_for:
                self._renewer = AutoLockRenewer(self._renew_for.total_seconds())
            self._link = self._open_link(self._renewer)
        return await self._link.__aenter__()  # opens the link if it is not open


async def complete(link: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
    """The message is done."""
    await link.complete_message(message)


async def abandon(link: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
    """The message is given back."""
    await link.abandon_message(message)


def _is_held(message: ServiceBusReceivedMessage, now: datetime) -> bool:
    return message.locked_until_utc is not None and message.locked_until_utc > now
