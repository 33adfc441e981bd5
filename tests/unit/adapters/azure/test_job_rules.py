"""The rules of description jobs that need no container: who is next, who waits, who is whose."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.azure.description_jobs import PlacedJobs
from adapters.azure.jobs.gather import gather
from adapters.azure.jobs.launches import Launch, LaunchBook
from adapters.azure.jobs.ledger import JobLedger, OpenJob
from adapters.azure.jobs.limiter import CreateLimiter, CreateLimits
from adapters.azure.jobs.rules import ContainerRules
from shared.errors import ServiceUnavailableError
from shared.model import Kind
from shared.ports import DescriptionJob
from tests.support.clocks import ManualClock
from tests.support.local_services import local_blob_store

if TYPE_CHECKING:
    from pathlib import Path

RULES = ContainerRules()


def job_of(
    job_id: str, *, content: str = "", kind: Kind = Kind.VIDEO, size: int = 1
) -> DescriptionJob:
    return DescriptionJob(
        job_id=job_id,
        kind=kind,
        blob=f"media/{job_id}",
        file_name="a.mp4",
        media_type="video/mp4",
        size=size,
        sha256=content or job_id,
    )


def open_job(job_id: str, *, due: float = 0, attempts: int = 0, content: str = "") -> OpenJob:
    return OpenJob(job=job_of(job_id, content=content), created_at=0, due_at=due, attempts=attempts)


def launch_of(*contents: str) -> Launch:
    return Launch(
        name="x",
        submission_id="x",
        number=1,
        job_ids=(),
        contents=contents,
        limit_s=1,
        started_at=0,
    )


def ids(groups: list[tuple[OpenJob, ...]]) -> list[list[str]]:
    return [[job.job.job_id for job in group] for group in groups]


def test_the_jobs_of_a_submission_go_together_as_soon_as_one_is_due() -> None:
    jobs = [open_job("a:1", due=5), open_job("b:1", due=99), open_job("a:2", due=6)]
    assert ids(gather(jobs, [], now=5, rules=RULES)) == [["a:1", "a:2"]]


def test_a_job_that_waits_for_its_next_attempt_is_not_taken_along() -> None:
    jobs = [open_job("a:1"), open_job("a:2", due=99, attempts=1)]
    assert ids(gather(jobs, [], now=5, rules=RULES)) == [["a:1"]]


def test_a_container_gets_no_more_items_than_it_may() -> None:
    jobs = [open_job(f"a:{number}") for number in range(5)]
    groups = ids(gather(jobs, [], now=5, rules=ContainerRules(max_items=2)))
    assert [len(group) for group in groups] == [2, 2, 1]


def test_a_container_gets_no_more_items_than_its_urls_are_good_for() -> None:
    slow = ContainerRules(max_items=99, video_time=timedelta(hours=1), longest=timedelta(hours=5))
    jobs = [open_job(f"a:{number}") for number in range(5)]
    assert [len(group) for group in gather(jobs, [], now=5, rules=slow)] == [2, 2, 1]
    slower = replace(slow, video_time=timedelta(hours=9))
    assert [len(group) for group in gather(jobs, [], now=5, rules=slower)] == [1] * 5


def test_a_content_that_is_being_described_is_left_for_later() -> None:
    jobs = [
        open_job("a:1", content="x"),
        open_job("b:1", content="y"),
        open_job("c:1", content="y"),
    ]
    assert ids(gather(jobs, [launch_of("x")], now=5, rules=RULES)) == [["b:1"]]


async def test_only_one_process_can_claim_a_launch(tmp_path: Path) -> None:
    with local_blob_store(tmp_path) as blobs:
        book = LaunchBook(blobs, "jobs", "owner")
        jobs = [open_job("mail-abc:1")]
        seen = await book.all()
        first = await book.claim(jobs, seen, 1, 7)
        assert first is not None
        assert await book.claim(jobs, seen, 1, 7) is None
        second = await book.claim(jobs, await book.all(), 1, 7)
        assert second is not None
        assert (first.number, second.number) == (1, 2)
        assert first.name != second.name
        assert {launch.number for launch in await book.all()} == {1, 2}


async def test_names_of_containers_are_what_azure_takes_and_tell_deployments_apart(
    tmp_path: Path,
) -> None:
    with local_blob_store(tmp_path) as blobs:
        jobs = [open_job("mail-" + "x" * 300 + ".Ø:1")]
        launches = [await LaunchBook(blobs, owner, owner).claim(jobs, [], 1, 7) for owner in "ab"]
    names = {launch.name for launch in launches if launch}
    assert len(names) == 2
    assert all(len(name) <= 63 and name.replace("-", "").isalnum() for name in names)


async def test_a_job_is_noted_once_and_found_after_a_restart(tmp_path: Path) -> None:
    with local_blob_store(tmp_path) as blobs:
        ledger = JobLedger(blobs, "jobs")
        await ledger.add(open_job("mail-abc:1", due=7))
        again = await ledger.add(open_job("mail-abc:1", due=99))
        assert again.due_at == 7
    with local_blob_store(tmp_path) as blobs:
        ledger = JobLedger(blobs, "jobs")
        assert [job.job.job_id for job in await ledger.all()] == ["mail-abc:1"]
        await ledger.add(open_job("mail-abc:11"))
        await ledger.close("mail-abc:1")
        assert [job.job.job_id for job in await ledger.all()] == ["mail-abc:11"]


async def test_a_note_that_cannot_be_read_is_told_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with local_blob_store(tmp_path) as blobs:
        ledger = JobLedger(blobs, "jobs")
        await blobs.put("jobs/open/mail-abc/1.json", b"{}")
        await ledger.add(open_job("mail-abc:2"))
        assert [job.job.job_id for job in await ledger.all()] == ["mail-abc:2"]
    assert "jobs/open/mail-abc/1.json" in str([record.__dict__ for record in caplog.records])


async def test_no_more_containers_are_created_than_the_limits_say(tmp_path: Path) -> None:
    clock = ManualClock()
    limits = CreateLimits(per_hour=5, per_5_min=2)
    with local_blob_store(tmp_path) as blobs:
        limiter = CreateLimiter(blobs, "jobs", clock, limits)
        assert [await limiter.take("a"), await limiter.take("b")] == [0, 0]
        assert await limiter.take("c") == pytest.approx(300, abs=0.01)
        clock.advance(seconds=301)
        assert [await limiter.take("c"), await limiter.take("d")] == [0, 0]
        clock.advance(seconds=301)
        assert await limiter.take("e") == 0
        assert await limiter.take("f") == pytest.approx(3600 - 602, abs=0.01)
        clock.advance(seconds=3600)
        assert await CreateLimiter(blobs, "jobs", clock, limits).take("f") == 0
        assert len([name async for name in blobs.list("jobs/")]) == 1


@dataclass(slots=True)
class Noted:
    started: list[str] = field(default_factory=list[str])
    cancelled: list[str] = field(default_factory=list[str])
    looks: int = 0
    look_every_s: float = 0.01
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    async def start(self, job: DescriptionJob) -> None:
        self.started.append(job.job_id)

    async def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    async def tick(self) -> None:
        self.looks += 1
        await self.ends.wait()
        if self.fails:
            raise ServiceUnavailableError("blobs")


async def test_small_photos_are_described_inline_and_all_else_in_containers() -> None:
    inline, containers = Noted(), Noted()
    jobs = PlacedJobs(inline=inline, containers=containers, inline_max_bytes=10)  # type: ignore[arg-type]
    await jobs.start(job_of("photo:1", kind=Kind.PHOTO, size=10))
    await jobs.start(job_of("poster:1", kind=Kind.PHOTO, size=11))
    await jobs.start(job_of("film:1", kind=Kind.VIDEO, size=1))
    await jobs.cancel("film:1")
    assert inline.started == ["photo:1"]
    assert containers.started == ["poster:1", "film:1"]
    assert inline.cancelled == containers.cancelled == ["film:1"]


async def test_containers_are_looked_after_while_an_attempt_beside_us_takes_its_time() -> None:
    inline, containers = Noted(), Noted()
    containers.ends.set()
    jobs = PlacedJobs(inline=inline, containers=containers, inline_max_bytes=10)  # type: ignore[arg-type]
    ticking = asyncio.create_task(jobs.tick())
    while containers.looks < 3:
        await asyncio.sleep(0.01)
    assert inline.looks == 1
    inline.ends.set()
    await ticking


@pytest.mark.parametrize("failing", ["inline", "containers"])
async def test_what_fails_in_one_place_ends_nothing_in_the_other(failing: str) -> None:
    places = {"inline": Noted(), "containers": Noted()}
    places[failing].fails = True
    for place in places.values():
        place.ends.set()
    jobs = PlacedJobs(**places, inline_max_bytes=10)  # type: ignore[arg-type]
    with pytest.raises(ServiceUnavailableError):
        await jobs.tick()
    assert [place.looks for place in places.values()] == [1, 1]
