"""What every EventPublisher and its delivery must keep. An adapter joins by another parameter of
the `bus` fixture.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette

from adapters.azure.event_publisher import EventGridPublisher
from adapters.clock import SystemClock
from adapters.local.database import Database
from adapters.local.event_publisher import LocalEventPublisher
from adapters.local.event_pump import DeliveryRules, EventPump
from adapters.web.event_grid import EventGridDoor
from http_intake.serving import ServerSettings, serving
from shared.events import rfc3339
from shared.model import CloudEvent
from shared.settings.azure import EventGridSettings
from tests.fakes.event_grid import topic as event_grid
from tests.fakes.event_grid.deliveries import Subscription
from tests.fakes.event_grid.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from adapters.local.event_pump import Handler
    from shared.ports import EventPublisher

EVENT = CloudEvent(
    id="media.described.v1:mail-1:1",
    source="/mail_ingest",
    type="described",
    subject="submissions/mail-1",
    time="2026-11-24T12:00:00.125Z",
    data={"job_id": "mail-1:1", "nested": {"caption": "\xd8y"}},
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)
KEY = "delivery-key"


@dataclass(slots=True)
class Recorder:
    """A handler that remembers what it saw and takes an event after `refusals`."""

    refusals: int = 0
    seen: list[CloudEvent] = field(default_factory=list[CloudEvent])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, event: CloudEvent) -> bool:
        moment = datetime.fromisoformat(event.time)  # which RFC 3339 lets everybody write anew
        self.seen.append(replace(event, time=rfc3339(moment)))
        self.changed.set()
        return len(self.seen) > self.refusals

    async def has_seen(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.seen) < count:
                self.changed.clear()
                await self.changed.wait()


@dataclass(frozen=True, slots=True)
class Bus:
    """A publisher of this process, one of another, and the handlers that events are delivered to
    while the test runs.
    """

    publisher: EventPublisher
    other: EventPublisher
    handlers: dict[str, Handler]


@pytest.fixture(params=["local", "topic", "namespace"])
def bus(request: pytest.FixtureRequest) -> Bus:
    return request.getfixturevalue(f"{request.param}_bus")


@pytest.fixture
def databases(tmp_path: Path) -> Generator[tuple[Database, Database]]:
    path = tmp_path / "state.db"
    with closing(Database(path)) as first, closing(Database(path)) as second:
        yield first, second


@pytest.fixture
async def local_bus(databases: tuple[Database, Database]) -> AsyncGenerator[Bus]:
    one, other = (LocalEventPublisher(database, SystemClock()) for database in databases)
    rules = DeliveryRules(first_pause=timedelta(seconds=0.05))
    pump = EventPump(databases[0], SystemClock(), rules)
    handlers = by_type()
    pump.subscribe("described", lambda event: handlers["described"](event))
    delivering = asyncio.create_task(pump.run())
    yield Bus(one, other, handlers)
    delivering.cancel()
    await asyncio.wait([delivering])


@pytest.fixture
async def topic_bus() -> AsyncGenerator[Bus]:
    async with event_grid_bus("", "/api/events") as bus:
        yield bus


@pytest.fixture
async def namespace_bus() -> AsyncGenerator[Bus]:
    async with event_grid_bus("submissions", "", batch=5) as bus:
        yield bus


@asynccontextmanager
async def event_grid_bus(name: str, path: str, *, batch: int = 1) -> AsyncGenerator[Bus]:
    """A topic, and a door that it delivers to."""
    handlers = by_type()

    async def described(event: CloudEvent) -> bool:
        return await handlers["described"](event)

    door = EventGridDoor({"described": described}, delivery_key=KEY)
    app = Starlette(routes=[door.route("/events")])
    async with (
        event_grid.topic(Schedule(scale=0.005)) as topic,
        serving(app, ServerSettings(port=0), has_keys=True) as address,
    ):
        headers = {"X-Delivery-Key": KEY}
        subscription = Subscription(url=f"{address.url}/events", headers=headers, batch=batch)
        await topic.subscribe(subscription)
        settings = EventGridSettings(
            url=f"{topic.url}{path}", namespace_topic=name, key=event_grid.KEY
        )
        one, other = EventGridPublisher.open(settings), EventGridPublisher.open(settings)
        yield Bus(one, other, handlers)
        await one.close()
        await other.close()


def by_type() -> dict[str, Handler]:
    return {"described": Recorder()}


def recorder(bus: Bus, *, refusals: int = 0) -> Recorder:
    handler = Recorder(refusals)
    bus.handlers["described"] = handler
    return handler


async def test_an_event_reaches_its_handler_as_it_was_published(bus: Bus) -> None:
    handler = recorder(bus)

    await bus.publisher.publish(EVENT)

    await handler.has_seen(1)
    assert handler.seen == [EVENT]


async def test_an_event_that_is_published_twice_is_handled_once(bus: Bus) -> None:
    handler = recorder(bus)

    await asyncio.gather(bus.publisher.publish(EVENT), bus.other.publish(EVENT))
    await bus.publisher.publish(EVENT)
    await bus.publisher.publish(replace(EVENT, id="the last"))

    await handler.has_seen(2)
    await asyncio.sleep(0.1)
    assert sorted(event.id for event in handler.seen) == [EVENT.id, "the last"]


async def test_the_same_id_of_another_source_is_another_event(bus: Bus) -> None:
    handler = recorder(bus)

    await bus.publisher.publish(EVENT)
    await bus.publisher.publish(replace(EVENT, source="/elsewhere"))

    await handler.has_seen(2)


async def test_an_event_that_is_refused_comes_again_until_it_is_taken(bus: Bus) -> None:
    handler = recorder(bus, refusals=3)

    await bus.publisher.publish(EVENT)

    await handler.has_seen(4)
    await asyncio.sleep(0.3)
    assert handler.seen == [EVENT] * 4


async def test_a_handler_that_raises_is_asked_again(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()

    async def broken(event: CloudEvent) -> bool:
        if asked.is_set():
            bus.handlers["described"] = then
        asked.set()
        raise ZeroDivisionError(event.id)

    then = Recorder()
    bus.handlers["described"] = broken
    await bus.publisher.publish(EVENT)

    await then.has_seen(1)
    assert "event handler failed" in caplog.messages


async def test_an_event_that_nobody_handles_disturbs_nobody(bus: Bus) -> None:
    handler = recorder(bus)

    await bus.publisher.publish(replace(EVENT, type="unknown", id="unknown"))
    await bus.publisher.publish(EVENT)

    await handler.has_seen(1)
    assert handler.seen == [EVENT]


async def test_an_event_of_another_process_is_delivered(bus: Bus) -> None:
    handler = recorder(bus)

    await bus.other.publish(EVENT)

    await handler.has_seen(1)


async def test_a_hundred_events_at_once_are_all_delivered(bus: Bus) -> None:
    handler = recorder(bus)

    events = [replace(EVENT, id=str(number)) for number in range(100)]
    await asyncio.gather(*(bus.publisher.publish(event) for event in events))

    await handler.has_seen(100)
    assert sorted(int(event.id) for event in handler.seen) == list(range(100))
