"""One publisher that tells several: the event service, and a topic for the desks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.model import CloudEvent
    from shared.ports import EventPublisher


class EventFanOut:
    """Publishes by every one of its publishers."""

    def __init__(self, publishers: Sequence[EventPublisher]) -> None:
        self._publishers = tuple(publishers)

    async def publish(self, event: CloudEvent) -> None:
        """Publish; durable everywhere on return. Raises the first error when all have tried: who
        publishes the event again tells some of them twice, which is harmless.
        """
        results = await asyncio.gather(
            *(publisher.publish(event) for publisher in self._publishers), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
