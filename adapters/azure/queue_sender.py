"""One link to a queue or topic that is kept open, because opening one takes half a second.

What is sent while another send is under way goes together, as one batch, with the next: so that a
crowd of senders costs no more round trips than a few.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.azure.kept_link import KeptLink
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
    from azure.servicebus.aio import ServiceBusSender


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: ServiceBusMessage
    sent: asyncio.Future[None]


class OpenSender:
    """Sends to `entity`, which must know duplicates: what is unsure is sent again."""

    def __init__(self, entity: str, make_link: Callable[[], ServiceBusSender]) -> None:
        self._link = KeptLink(entity, make_link)
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
        await self._link.close()

    async def _send_waiting(self) -> None:
        while self._waiting:
            crowd = len(self._waiting)
            together = [self._waiting.popleft()]
            # Whatever happens, those who wait are told.
            (result,) = await asyncio.gather(self._send(together), return_exceptions=True)
            if isinstance(result, ServiceUnavailableError):  # not each of them by a try of its own
                together += [self._waiting.popleft() for _ in range(crowd - len(together))]
            _tell(together, result)

    async def _send(self, together: list[_Waiting]) -> None:
        """Send the messages in the list, and with them others that wait; they are added to it."""

        async def send(link: ServiceBusSender) -> None:
            batch = await link.create_message_batch()
            for each in together:
                batch.add_message(each.message)
            together.extend(self._fill(batch))
            await link.send_messages(batch if len(together) > 1 else together[0].message)

        await self._link.use(send)

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


def _tell(waiting: list[_Waiting], error: BaseException | None) -> None:
    """Tell those who still wait how it ended."""
    for each in waiting:
        if each.sent.done():  # it was cancelled
            continue
        if error is None:
            each.sent.set_result(None)
        else:
            each.sent.set_exception(error)
