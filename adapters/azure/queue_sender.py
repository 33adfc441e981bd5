"""One link to a queue or topic that is kept open, because opening one takes half a second.

What is sent while another send is under way goes together, as one batch, with the next: so that a
crowd of senders costs no more round trips than a few.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.azure.service_bus import service_bus_errors_translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
    from azure.servicebus.aio import ServiceBusSender


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: ServiceBusMessage
    sent: asyncio.Future[None]


class OpenSender:
    """Sends to `entity`. A link that broke is opened again with the next message."""

    def __init__(self, entity: str, open_link: Callable[[], ServiceBusSender]) -> None:
        self._entity = entity
        self._open_link = open_link
        self._link: ServiceBusSender | None = None
        self._waiting: deque[_Waiting] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def send(self, message: ServiceBusMessage) -> None:
        """Send; durable on return. Raises ServiceUnavailableError, StorageFullError and
        TooLargeError.
        """
        sent = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(message, sent))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_waiting())
        await sent

    async def close(self) -> None:
        """Send what waits, then close the link."""
        if self._sending is not None:
            await asyncio.wait([self._sending])
        if self._link is not None:
            await self._link.close()

    async def _send_waiting(self) -> None:
        while self._waiting:
            together = [self._waiting.popleft()]
            # Whatever happens, those who wait are told.
            (result,) = await asyncio.gather(self._send(together), return_exceptions=True)
            _tell(together, result)

    async def _send(self, together: list[_Waiting]) -> None:
        """Send the message in the list, and with it others that wait; they are added to it."""
        with service_bus_errors_translated(self._entity):
            link = self._opened()
            batch = await link.create_message_batch()  # opens the link
            batch.add_message(together[0].message)
            together += self._fill(batch)
            await link.send_messages(batch if len(together) > 1 else together[0].message)

    def _fill(self, batch: ServiceBusMessageBatch) -> list[_Waiting]:
        """Put what waits into the batch, as far as there is room."""
        from azure.servicebus.exceptions import MessageSizeExceededError

        added: list[_Waiting] = []
        while self._waiting:
            try:
                batch.add_message(self._waiting[0].message)
            except MessageSizeExceededError:
                break
            added.append(self._waiting.popleft())
        return added

    def _opened(self) -> ServiceBusSender:
        if self._link is None:
            self._link = self._open_link()
        return self._link


def _tell(waiting: list[_Waiting], error: BaseException | None) -> None:
    """Tell those who still wait how it ended."""
    for each in waiting:
        if each.sent.done():  # it was cancelled
            continue
        if error is None:
            each.sent.set_result(None)
        else:
            each.sent.set_exception(error)
