"""The messages that we have under lock, and the renewal of their locks.

The SDK's `AutoLockRenewer` gives a lock up after one renewal that failed, and when its link has
ended; and it begins ten seconds before the lock ends, which is late when the service is slow.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.errors import IngestError
from shared.ids import submission_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import timedelta

    from azure.servicebus import ServiceBusReceivedMessage

logger = logging.getLogger(__name__)

_ROUND_S = 1.0


@dataclass(frozen=True, slots=True)
class _Held:
    message: ServiceBusReceivedMessage
    lock_s: float
    renewed_until: float  # of the loop's clock

    @property
    def left_s(self) -> float:
        """How long the lock lasts from now on."""
        until = self.message.locked_until_utc
        return 0.0 if until is None else (until - datetime.now(UTC)).total_seconds()


class HeldMessages:
    """By their lock tokens. From the middle of a lock on it is renewed until that succeeds, for
    `renew_for` in all; one that ends all the same is forgotten.
    """

    def __init__(
        self, renew: Callable[[ServiceBusReceivedMessage], Awaitable[None]], renew_for: timedelta
    ) -> None:
        self._renew = renew
        self._renew_for_s = renew_for.total_seconds()
        self._held: dict[str, _Held] = {}
        self._renewing: asyncio.Task[None] | None = None

    def add(self, messages: Iterable[ServiceBusReceivedMessage]) -> None:
        """Hold messages."""
        until = asyncio.get_running_loop().time() + self._renew_for_s
        for message in messages:
            lock_s = _Held(message, 0, until).left_s
            self._held[str(message.lock_token)] = _Held(message, lock_s, until)
        if self._held and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._keep())

    def release(self, lock_token: str) -> ServiceBusReceivedMessage | None:
        """Hold this message no more; None when its lock has ended."""
        held = self._held.pop(lock_token, None)
        return None if held is None or held.left_s <= 0 else held.message

    async def close(self) -> None:
        """Renew no more."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])

    async def _keep(self) -> None:
        while self._held:
            await asyncio.sleep(_ROUND_S)
            self._held = {token: held for token, held in self._held.items() if held.left_s > 0}
            now = asyncio.get_running_loop().time()
            due = [
                held.message
                for held in self._held.values()
                if held.left_s <= held.lock_s / 2 and now < held.renewed_until
            ]
            await asyncio.gather(*(self._renew_quietly(message) for message in due))

    async def _renew_quietly(self, message: ServiceBusReceivedMessage) -> None:
        try:
            await self._renew(message)
        except IngestError as exc:
            facts = {
                "action": "message_lock_not_renewed",
                "submission_id": submission_of(message.message_id or ""),
                "error": str(exc),
            }
            logger.warning("lock not renewed, will try again", extra=facts)
