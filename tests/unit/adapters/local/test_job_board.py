"""Which job runs next while somebody sets the clock. That jobs end: the contract of the port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.local.jobs import rows
from adapters.local.jobs.board import JobBoard
from shared.model import Kind
from shared.ports import DescriptionJob
from tests.support.clocks import ManualClock
from tests.support.local_services import local_database

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from adapters.local.database import Database

JUMPS = [-24, -1, -0.5, 24]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path) -> Generator[Database]:
    with local_database(tmp_path) as database:
        yield database


@pytest.fixture
def board(database: Database, clock: ManualClock) -> JobBoard:
    return JobBoard(database, clock, workers=2)


async def add(database: Database, clock: ManualClock, name: str) -> None:
    job = DescriptionJob(
        job_id=f"{name}:1",
        kind=Kind.PHOTO,
        blob=f"media/{name}",
        file_name=name,
        media_type="image/jpeg",
        size=1,
        sha256=name,
    )
    now = clock.now().timestamp()
    await database.write(lambda connection: rows.insert(connection, job, now))


async def taken(board: JobBoard) -> rows.OpenJob | None:
    """The job that may run now, or None when all wait."""
    try:
        async with asyncio.timeout(0.3):
            return await board.take()
    except TimeoutError:
        return None


@pytest.mark.parametrize("hours", JUMPS)
async def test_a_job_that_was_added_before_the_clock_was_set_runs_at_once(
    database: Database, clock: ManualClock, board: JobBoard, hours: float
) -> None:
    await add(database, clock, "a.jpg")
    clock.advance(hours=hours)

    assert await taken(board)


@pytest.mark.parametrize("hours", JUMPS)
async def test_a_service_rests_no_longer_for_a_clock_that_was_set(
    database: Database, clock: ManualClock, board: JobBoard, hours: float
) -> None:
    await add(database, clock, "a.jpg")
    job = await board.take()
    await board.postpone(job, 20.0)
    board.release(job)
    await add(database, clock, "b.jpg")
    assert await taken(board) is None

    clock.advance(hours=hours)

    assert await taken(board)
    assert await taken(board)


async def test_a_service_rests_as_long_as_it_wishes(
    database: Database, clock: ManualClock, board: JobBoard
) -> None:
    await add(database, clock, "a.jpg")
    job = await board.take()
    await board.postpone(job, 1000.0)
    board.release(job)
    await add(database, clock, "b.jpg")

    clock.advance(seconds=999)
    assert await taken(board) is None
    clock.advance(seconds=1)
    assert await taken(board)
    assert await taken(board)


async def test_of_two_wishes_the_longer_one_counts(
    database: Database, clock: ManualClock, board: JobBoard
) -> None:
    for name in ("a.jpg", "b.jpg"):
        await add(database, clock, name)
    jobs = [await board.take(), await board.take()]
    for job, wish_s in zip(jobs, (100.0, 10.0), strict=True):
        await board.postpone(job, wish_s)
        board.release(job)

    clock.advance(seconds=99)
    assert await taken(board) is None
    clock.advance(seconds=1)
    assert await taken(board)
