"""Telling several publishers: all of them are told, and a fault of one is not hidden."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from adapters.web.event_fan_out import EventFanOut
from shared.errors import ServiceUnavailableError
from shared.model import CloudEvent

EVENT = CloudEvent(
    id="1", source="/mail_ingest", type="t", subject="s", time="2026-11-24T12:00:00Z", data={}
)


@dataclass(slots=True)
class Publisher:
    """Writes down what it is told; `down` makes it fail afterwards."""

    down: bool = False
    closed: bool = False
    told: list[CloudEvent] = field(default_factory=list[CloudEvent])

    async def publish(self, event: CloudEvent) -> None:
        if self.down:
            raise ServiceUnavailableError("the first")
        self.told.append(event)

    async def close(self) -> None:
        self.closed = True


async def test_every_publisher_is_told_though_another_fails() -> None:
    first, second = Publisher(down=True), Publisher()
    fan_out = EventFanOut([first, second])

    with pytest.raises(ServiceUnavailableError, match="the first"):
        await fan_out.publish(EVENT)
    first.down = False
    await fan_out.publish(EVENT)

    assert (first.told, second.told) == ([EVENT], [EVENT, EVENT])


async def test_all_are_closed() -> None:
    publishers = [Publisher(), Publisher()]

    await EventFanOut(publishers).close()

    assert all(publisher.closed for publisher in publishers)
