"""The queue while somebody sets the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.local.work_queue import LocalWorkQueue
from tests.support.clocks import ManualClock
from tests.support.local_services import local_database

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from shared.ports import QueuedMessage

LOCK_S = 60


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def queue(tmp_path: Path, clock: ManualClock) -> Generator[LocalWorkQueue]:
    with local_database(tmp_path) as database:
        yield LocalWorkQueue(database, clock)


async def take(queue: LocalWorkQueue) -> Sequence[QueuedMessage]:
    return await queue.receive(max_messages=10, max_wait_s=0)


@pytest.mark.parametrize("hours", [-24, -1, -0.01, 24])
async def test_what_was_sent_before_the_clock_was_set_is_delivered_at_once(
    queue: LocalWorkQueue, clock: ManualClock, hours: float
) -> None:
    await queue.send("one", b"")
    clock.advance(hours=hours)
    await queue.send("two", b"")

    messages = await take(queue)

    assert {message.message_id for message in messages} == {"one", "two"}
    for message in messages:
        await queue.complete(message)
    assert await queue.depth() == 0


@pytest.mark.parametrize("hours", [-24, -1, 24])
async def test_what_was_given_back_waits_no_longer_for_a_clock_that_was_set(
    queue: LocalWorkQueue, clock: ManualClock, hours: float
) -> None:
    await queue.send("one", b"")
    (message,) = await take(queue)
    await queue.abandon(message, delay_s=30)
    clock.advance(hours=hours)

    (again,) = await take(queue)

    assert again.delivery_count == 2


@pytest.mark.parametrize("hours", [-24, -1, 24])
async def test_a_lock_that_the_clock_has_ended_is_no_longer_ours(
    queue: LocalWorkQueue, clock: ManualClock, hours: float
) -> None:
    await queue.send("one", b"")
    (lost,) = await take(queue)
    clock.advance(hours=hours)
    (held,) = await take(queue)

    await queue.complete(lost)
    assert await queue.depth() == 1
    await queue.complete(held)
    assert await queue.depth() == 0


async def test_a_lock_holds_when_the_clock_is_put_right_by_a_little(
    queue: LocalWorkQueue, clock: ManualClock
) -> None:
    await queue.send("one", b"")
    (message,) = await take(queue)

    clock.advance(seconds=-20)
    assert await take(queue) == ()
    clock.advance(seconds=20 + LOCK_S - 1)
    assert await take(queue) == ()
    clock.advance(seconds=1)

    (again,) = await take(queue)
    assert (again.message_id, again.delivery_count) == (message.message_id, 2)


async def test_what_was_done_stays_done_when_the_clock_is_set(
    queue: LocalWorkQueue, clock: ManualClock
) -> None:
    await queue.send("one", b"")
    (message,) = await take(queue)
    await queue.complete(message)

    for hours in (24, -48, 25):
        clock.advance(hours=hours)
        await queue.send("one", b"")
        assert await take(queue) == ()


async def test_no_delay_is_longer_than_ten_minutes(
    queue: LocalWorkQueue, clock: ManualClock
) -> None:
    await queue.send("one", b"")
    (message,) = await take(queue)
    await queue.abandon(message, delay_s=100_000)

    clock.advance(seconds=599)
    assert await take(queue) == ()
    clock.advance(seconds=1)
    assert len(await take(queue)) == 1
