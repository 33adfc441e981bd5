"""How events of the state database are delivered: when, how often, and what is kept of them.

That they arrive at all is in the contract of the port.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters.local import event_rows
from adapters.local.dead_events import LocalDeadEvents
from adapters.local.event_publisher import LocalEventPublisher
from adapters.local.event_pump import DeliveryRules, EventPump
from shared.errors import ServiceUnavailableError
from shared.model import CloudEvent
from tests.support.clocks import ManualClock
from tests.support.local_services import local_database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from adapters.local.database import Database
    from adapters.local.event_pump import Handler

EVENT = CloudEvent(
    id="media.described.v1:mail-1:1",
    source="/mail_ingest",
    type="described",
    subject="submissions/mail-1",
    time="2026-11-24T12:00:00.000Z",
    data={"job_id": "mail-1:1", "nested": {"caption": "Øy"}},
)


@dataclass(frozen=True, slots=True)
class Bus:
    """A publisher of this process, one of another, and the delivery; `clock` times redelivery."""

    clock: ManualClock
    publisher: LocalEventPublisher
    other: LocalEventPublisher
    pump: EventPump
    dead: LocalDeadEvents
    database: Database

    async def stored(self) -> list[str]:
        """The IDs of the events that are kept, oldest first."""
        ids = "SELECT id FROM events ORDER BY sequence"
        return await self.database.read(lambda it: [row[0] for row in it.execute(ids)])


@pytest.fixture
def bus(tmp_path: Path) -> Generator[Bus]:
    clock = ManualClock()
    with local_database(tmp_path) as database, local_database(tmp_path) as second:
        yield Bus(
            clock,
            LocalEventPublisher(database, clock),
            LocalEventPublisher(second, clock),
            EventPump(database, clock, DeliveryRules(least_attempts=20)),
            LocalDeadEvents(second, clock),
            database,
        )


class Recorder:
    """A handler that remembers what it saw and takes an event after `refusals`."""

    def __init__(self, refusals: int = 0) -> None:
        self.seen: list[CloudEvent] = []
        self.refusals = refusals
        self.changed = asyncio.Event()

    async def __call__(self, event: CloudEvent) -> bool:
        self.seen.append(event)
        self.changed.set()
        return len(self.seen) > self.refusals


@asynccontextmanager
async def running(pump: EventPump) -> AsyncGenerator[None]:
    task = asyncio.create_task(pump.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_an_event_that_is_published_twice_is_delivered_once(bus: Bus) -> None:
    handler = Recorder()
    bus.pump.subscribe("described", handler)
    await bus.publisher.publish(EVENT)
    await bus.other.publish(EVENT)
    await bus.pump.deliver_due()
    await bus.publisher.publish(EVENT)

    await bus.pump.deliver_due()

    assert handler.seen == [EVENT]


async def test_an_event_of_another_type_waits_for_its_own_handler(bus: Bus) -> None:
    handler = Recorder()
    bus.pump.subscribe("escalated", handler)
    await bus.publisher.publish(EVENT)

    assert await bus.pump.deliver_due() == 0
    bus.pump.subscribe("described", handler)
    assert await bus.pump.deliver_due() == 1


async def test_a_refused_event_comes_again_ever_less_often(bus: Bus) -> None:
    handler = Recorder(refusals=100)
    bus.pump.subscribe("described", handler)
    await bus.publisher.publish(EVENT)

    assert await bus.pump.deliver_due() == 1
    for pause_s in (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60):
        bus.clock.advance(seconds=pause_s - 0.01)
        assert await bus.pump.deliver_due() == 0
        bus.clock.advance(seconds=0.02)
        assert await bus.pump.deliver_due() == 1


async def test_a_handler_that_raises_is_asked_again(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(event: CloudEvent) -> bool:
        raise ZeroDivisionError(event.id)

    bus.pump.subscribe("described", broken)
    await bus.publisher.publish(EVENT)

    with caplog.at_level(logging.ERROR):
        assert await bus.pump.deliver_due() == 1
    bus.clock.advance(seconds=0.2)
    assert await bus.pump.deliver_due() == 1
    assert caplog.records[0].__dict__["action"] == "event_handler_failed"


async def test_an_event_that_nobody_takes_is_given_up_after_a_day_and_shown(bus: Bus) -> None:
    handler = Recorder(refusals=1000)
    bus.pump.subscribe("described", handler)
    await bus.publisher.publish(EVENT)

    for _ in range(25):
        await bus.pump.deliver_due()
        bus.clock.advance(hours=1)

    (dead,) = await bus.dead.list()
    assert (dead.submission_id, dead.event_id) == ("mail-1", EVENT.id)
    assert (dead.time, dead.attempts) == (EVENT.time, 25)
    assert len(handler.seen) == 25
    assert await bus.pump.deliver_due() == 0


async def given_up(bus: Bus, *events: CloudEvent) -> Recorder:
    """A handler that will take the events from now on, and refused them until they were dead."""
    handler = Recorder(refusals=1000)
    bus.pump.subscribe("described", handler)
    for event in events:
        await bus.publisher.publish(event)
    for _ in range(25):
        await bus.pump.deliver_due()
        bus.clock.advance(hours=1)
    assert {it.event_id for it in await bus.dead.list()} == {event.id for event in events}
    handler.seen.clear()
    handler.changed.clear()
    handler.refusals = 0
    return handler


OTHER = replace(EVENT, id="media.described.v1:mail-2:1", subject="submissions/mail-2")


@pytest.mark.parametrize("which", [EVENT.id, "mail-1"])
async def test_what_was_given_up_is_delivered_again_when_a_person_says_so(
    bus: Bus, which: str
) -> None:
    handler = await given_up(bus, EVENT, OTHER)

    async with running(bus.pump), asyncio.timeout(60):
        assert await bus.dead.deliver_again(which) == 1
        await handler.changed.wait()

    assert handler.seen == [EVENT]
    assert [it.event_id for it in await bus.dead.list()] == [OTHER.id]
    assert await bus.dead.deliver_again(which) == 0


async def test_an_event_has_a_whole_day_again_when_it_is_delivered_again(bus: Bus) -> None:
    handler = await given_up(bus, EVENT)
    handler.refusals = 1000
    await bus.dead.deliver_again("mail-1")

    for _ in range(24):
        await bus.pump.deliver_due()
        assert await bus.dead.list() == ()
        bus.clock.advance(hours=1)
    await bus.pump.deliver_due()

    assert len(await bus.dead.list()) == 1


async def test_an_event_that_is_published_again_is_dead_no_longer(bus: Bus) -> None:
    handler = await given_up(bus, EVENT)

    await bus.publisher.publish(EVENT)
    await bus.pump.deliver_due()

    assert handler.seen == [EVENT]
    assert await bus.dead.list() == ()


async def test_old_events_are_forgotten_but_not_those_that_were_refused(bus: Bus) -> None:
    handler, hopeless = Recorder(), Recorder(refusals=1000)
    bus.pump.subscribe("described", handler)
    bus.pump.subscribe("hopeless", hopeless)
    for event in (EVENT, replace(EVENT, id="refused", type="hopeless")):
        await bus.publisher.publish(event)
    await bus.pump.deliver_due()
    bus.clock.advance(days=8)

    for event in (replace(EVENT, id="new"), EVENT):
        await bus.publisher.publish(event)
        await bus.pump.deliver_due()
        await bus.pump.forget_old()
        bus.clock.advance(hours=1)

    assert [event.id for event in handler.seen] == [EVENT.id, "new", EVENT.id]
    assert len(hopeless.seen) == 3
    for _ in range(20):
        await bus.pump.deliver_due()
        bus.clock.advance(days=1)
    await bus.pump.forget_old()
    assert [it.event_id for it in await bus.dead.list()] == ["refused"]


async def test_an_event_that_was_never_handed_out_outlives_any_standstill(bus: Bus) -> None:
    handler = Recorder()
    bus.pump.subscribe("described", handler)
    await bus.publisher.publish(EVENT)
    bus.clock.advance(days=30)

    await bus.other.publish(OTHER)
    await bus.pump.forget_old()
    await bus.pump.deliver_due()

    assert handler.seen == [EVENT, OTHER]


async def test_what_nobody_subscribes_to_is_forgotten_after_a_week_while_the_pump_runs(
    bus: Bus,
) -> None:
    handler = Recorder()
    await bus.publisher.publish(EVENT)
    bus.clock.advance(days=8)
    bus.pump.subscribe("escalated", handler)

    async with running(bus.pump), asyncio.timeout(60):
        await bus.publisher.publish(replace(EVENT, id="new", type="escalated"))
        await bus.publisher.publish(replace(EVENT, id="unheard"))
        await handler.changed.wait()
        while await bus.stored() != ["new", "unheard"]:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("hours", [-24, -1, -0.5, 24])
async def test_an_event_is_delivered_at_once_although_the_clock_was_set(
    bus: Bus, hours: float
) -> None:
    handler = Recorder()
    bus.pump.subscribe("described", handler)
    await bus.publisher.publish(EVENT)
    bus.clock.advance(hours=hours)

    assert await bus.pump.deliver_due() == 1
    assert handler.seen == [EVENT]


@pytest.mark.parametrize("hours", [-24, -1, 24])
async def test_a_refused_event_waits_no_longer_for_a_clock_that_was_set(
    bus: Bus, hours: float
) -> None:
    handler = Recorder(refusals=1)
    bus.pump.subscribe("described", handler)
    await bus.publisher.publish(EVENT)
    await bus.pump.deliver_due()
    bus.clock.advance(hours=hours)

    assert await bus.pump.deliver_due() == 1
    assert await bus.dead.list() == ()


async def test_a_clock_that_is_set_ahead_makes_no_event_dead(bus: Bus) -> None:
    handler = Recorder(refusals=3)
    bus.pump.subscribe("described", handler)
    await bus.publisher.publish(EVENT)
    await bus.pump.deliver_due()

    for _ in range(3):
        bus.clock.advance(days=1)
        await bus.pump.deliver_due()

    assert len(handler.seen) == 4
    assert await bus.dead.list() == ()


async def test_a_published_event_is_delivered_at_once(bus: Bus) -> None:
    handler = Recorder()
    bus.pump.subscribe("described", handler)

    async with running(bus.pump):
        await asyncio.sleep(0.1)  # the pump waits for a wake-up alone by now, without end
        await bus.publisher.publish(EVENT)
        async with asyncio.timeout(60):
            await handler.changed.wait()


async def test_an_event_of_another_process_is_delivered_soon(bus: Bus) -> None:
    handler = Recorder()
    bus.pump.subscribe("described", handler)

    async with running(bus.pump), asyncio.timeout(60):
        await bus.other.publish(EVENT)
        await handler.changed.wait()


async def test_a_handler_that_hangs_is_asked_again(tmp_path: Path) -> None:
    async def hang(event: CloudEvent) -> bool:
        del event
        await asyncio.sleep(60)
        return True

    clock = ManualClock()
    with local_database(tmp_path) as database:
        await LocalEventPublisher(database, clock).publish(EVENT)
        pump = EventPump(database, clock, DeliveryRules(handler_time=timedelta(seconds=0.05)))
        pump.subscribe("described", hang)
        assert await pump.deliver_due() == 1
        clock.advance(seconds=1)
        assert await pump.deliver_due() == 1


async def test_a_fault_of_the_database_is_waited_out(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, faults = Recorder(), ["the first read"]

    def due(*values: Any) -> tuple[event_rows.StoredEvent, ...]:
        if faults:
            raise ServiceUnavailableError("state database", faults.pop())
        return first_due(*values)

    first_due = event_rows.due
    monkeypatch.setattr(event_rows, "due", due)
    bus.pump.subscribe("described", handler)
    await bus.publisher.publish(EVENT)

    async with running(bus.pump), asyncio.timeout(60):
        await handler.changed.wait()


async def test_an_event_survives_a_restart_until_it_is_taken(tmp_path: Path) -> None:
    clock = ManualClock()
    with local_database(tmp_path) as database:
        await LocalEventPublisher(database, clock).publish(EVENT)
        await deliver(EventPump(database, clock), Recorder(refusals=1))
    clock.advance(seconds=1)
    handler = Recorder()
    with local_database(tmp_path) as database:
        await deliver(EventPump(database, clock), handler)
        await deliver(EventPump(database, clock), handler)

    assert handler.seen == [EVENT]


async def deliver(pump: EventPump, handler: Handler) -> None:
    pump.subscribe("described", handler)
    await pump.deliver_due()


def test_a_type_has_one_handler(bus: Bus) -> None:
    bus.pump.subscribe("described", Recorder())

    with pytest.raises(ValueError, match="has a handler"):
        bus.pump.subscribe("described", Recorder())
