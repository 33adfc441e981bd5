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
from tests.support.job_desk import local_desk
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


async def add(
    database: Database,
    clock: ManualClock,
    name: str,
    kind: Kind = Kind.PHOTO,
    *,
    sender: str = "",
) -> None:
    job = DescriptionJob(
        job_id=f"{name}:1",
        kind=kind,
        blob=f"media/{name}",
        file_name=name,
        media_type="image/jpeg",
        size=1,
        sha256=name,
        fairness_key=sender,
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


@pytest.mark.parametrize("ended", range(19))
async def test_a_photo_waits_for_less_than_two_of_the_videos_of_another_sender(
    database: Database, clock: ManualClock, ended: int
) -> None:
    board = JobBoard(database, clock, workers=1)
    for number in range(20):
        await add(database, clock, f"{number}.mp4", Kind.VIDEO, sender="a")
    for _ in range(ended):
        await end(board, await board.take())
    running = await board.take()
    await add(database, clock, "b.jpg", sender="b")

    await end(board, running)

    assert (await board.take()).job.file_name == "b.jpg"


async def test_two_senders_of_videos_take_turns_in_the_place_for_videos(
    database: Database, clock: ManualClock, board: JobBoard
) -> None:
    for number in range(10):
        await add(database, clock, f"a{number}.mp4", Kind.VIDEO, sender="a")
    running = await board.take()
    await add(database, clock, "b.mp4", Kind.VIDEO, sender="b")
    assert await taken(board) is None  # the other place is for photos

    order: list[str] = []
    for _ in range(3):
        await end(board, running)
        running = await board.take()
        order.append(running.job.fairness_key)
    assert order.index("b") < 2


async def test_a_job_whose_process_crashed_keeps_its_turn(
    database: Database, clock: ManualClock, board: JobBoard
) -> None:
    await add(database, clock, "a.jpg", sender="a")
    crashed = await board.take()
    for sender in "bcd":
        await add(database, clock, f"{sender}.jpg", sender=sender)
    assert not await board.count_kill(crashed)
    board.release(crashed)

    assert (await board.take()).job.file_name == "a.jpg"


async def test_what_nobody_waits_for_comes_last(
    database: Database, clock: ManualClock, board: JobBoard
) -> None:
    await add(database, clock, "late.jpg", sender="a")
    await add(database, clock, "wanted.mp4", Kind.VIDEO, sender="b")
    await database.write(lambda connection: rows.lower(connection, "late.jpg:1"))

    assert (await board.take()).job.file_name == "wanted.mp4"
    assert (await board.take()).job.file_name == "late.jpg"


async def test_real_jobs_of_one_sender_delay_another_senders_by_one(tmp_path: Path) -> None:
    async with local_desk(tmp_path, runs=False) as desk:
        for number in range(20):
            await desk.start(f"a{number}.jpg", str(number).encode(), sender="a")
        job_id = await desk.start("b.jpg", b"b", sender="b")
        running = asyncio.create_task(desk.jobs.run())
        try:
            assert (await desk.result(job_id)).status == "described"
        finally:
            running.cancel()
            await asyncio.wait([running])
        assert desk.runs().index(job_id) == 1


async def end(board: JobBoard, job: rows.OpenJob) -> None:
    await board.close(job)
    board.release(job)
