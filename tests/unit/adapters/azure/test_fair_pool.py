"""The describers of a process are lent in fair order, and come back whatever happens."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from adapters.azure.jobs.fair_pool import FairPool
from shared.fair_queue import Waiting

PHOTO_S, VIDEO_S = 0.3, 5.0


def job(sender: str, number: int, cost_s: float = VIDEO_S) -> Waiting:
    return Waiting(job_id=f"{sender}:{number}", sender=sender, cost_s=cost_s, place=float(number))


class Work:
    """Jobs that hold a describer until they are told to end."""

    def __init__(self, pool: FairPool[str]) -> None:
        self.pool = pool
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}

    async def run(self, waiting: Waiting) -> None:
        end = self.ends[waiting.job_id] = asyncio.Event()
        async with self.pool.describer(waiting):
            self.begun.append(waiting.job_id)
            await end.wait()

    async def end(self, job_id: str) -> None:
        begun = len(self.begun)
        self.ends[job_id].set()
        while len(self.begun) == begun:
            await asyncio.sleep(0)


@pytest.mark.parametrize("ended", [0, 1, 7, 16])
async def test_twenty_videos_delay_a_photo_of_another_by_the_one_that_ends_first(
    ended: int,
) -> None:
    work = Work(FairPool(["one", "two"]))
    videos = [asyncio.create_task(work.run(job("a", number))) for number in range(20)]
    while len(work.begun) < 2:
        await asyncio.sleep(0)
    for number in range(ended):
        await work.end(work.begun[number])

    photo = asyncio.create_task(work.run(job("b", 99, PHOTO_S)))
    await asyncio.sleep(0)
    await work.end(work.begun[ended])

    assert work.begun[-1] == "b:99"
    for task in (*videos, photo):
        task.cancel()


async def test_a_describer_comes_back_from_jobs_that_fail_or_are_cancelled() -> None:
    work = Work(FairPool(["only"]))
    first = asyncio.create_task(work.run(job("a", 0)))
    second = asyncio.create_task(work.run(job("b", 1)))
    third = asyncio.create_task(work.run(job("c", 2)))
    await asyncio.sleep(0)
    second.cancel()  # while it waits
    first.cancel()  # while it runs
    with suppress(asyncio.CancelledError):
        await first

    async with asyncio.timeout(10):
        while work.begun[-1] != "c:2":
            await asyncio.sleep(0)
        third.cancel()
        with suppress(asyncio.CancelledError):
            await third
        with pytest.raises(RuntimeError):
            async with work.pool.describer(job("d", 3)):
                raise RuntimeError
        async with work.pool.describer(job("e", 4)) as describer:
            assert describer == "only"


async def test_a_describer_that_is_lent_to_a_cancelled_job_is_lent_again() -> None:
    pool = FairPool(["only"])
    work = Work(pool)
    async with pool.describer(job("a", 0)):
        second = asyncio.create_task(work.run(job("b", 1)))
        await asyncio.sleep(0)
    second.cancel()  # it has the describer, and has not yet run
    with suppress(asyncio.CancelledError):
        await second

    async with asyncio.timeout(10), pool.describer(job("c", 2)) as describer:
        assert describer == "only"
    assert work.begun == []
