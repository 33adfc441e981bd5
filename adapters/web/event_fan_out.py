"""One publisher that tells several: the event service, and a topic for the desks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.model import CloudEvent


class ClosablePublisher(Protocol):
    """An EventPublisher that holds connections."""

    async def publish(self, event: CloudEvent) -> None:
        """Publish; durable on return."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class EventFanOut:
    """Publishes by every one of its publishers."""

    def __init__(self, publishers: Sequence[ClosablePublisher]) -> None:
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

    async def close(self) -> None:
        """Close every one of them."""
        await asyncio.gather(*(publisher.close() for publisher in self._publishers))
