"""Jobs beside the activity when things go wrong between its steps."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import pytest

from adapters.azure.inline_jobs import FOLDER, InlineJobs
from adapters.azure.jobs.ledger import JobLedger, OpenJob
from adapters.local.blob_store import LocalBlobStore
from describer.rules import JobRules
from shared.codec import from_payload
from shared.errors import ServiceUnavailableError, StorageFullError
from shared.events import MediaDescribed
from shared.model import Kind
from shared.ports import DescriptionJob
from tests.support.clocks import ManualClock
from tests.support.job_desk import PROVIDER, RULES
from tests.support.recorded_telemetry import RecordedTelemetry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.model import CloudEvent

PARENT = "00-11111111111111111111111111111111-2222222222222222-01"


class FarBlobs(LocalBlobStore):
    """Lies on another machine, as far as its users can see."""

    @override
    async def read_url(self, name: str) -> str:
        return f"https://blobs.example/{name}?sig=x"


@dataclass(slots=True)
class Published:
    """A publisher that is down as often as it is told to be."""

    down: int = 0
    events: list[CloudEvent] = field(default_factory=list["CloudEvent"])

    async def publish(self, event: CloudEvent) -> None:
        if self.down:
            self.down -= 1
            raise ServiceUnavailableError("events")
        self.events.append(event)

    def told(self) -> list[tuple[str, str]]:
        ended = (from_payload(event.data, MediaDescribed) for event in self.events)
        return [(one.job_id, one.status) for one in ended]


@dataclass(slots=True)
class Bench:
    blobs: LocalBlobStore
    publisher: Published
    clock: ManualClock
    jobs: InlineJobs

    def after_a_restart(self) -> InlineJobs:
        """Jobs of another process, with the same describers as its children would be."""
        self.jobs = InlineJobs(self.blobs, self.publisher, self.clock, RULES, PROVIDER)
        return self.jobs

    async def job(self, file_name: str, content: bytes = b"x") -> DescriptionJob:
        await self.blobs.put(f"media/{file_name}", content)
        return DescriptionJob(
            job_id="mail-a:1",
            kind=Kind.PHOTO,
            blob=f"media/{file_name}",
            file_name=file_name,
            media_type="image/jpeg",
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )


@asynccontextmanager
async def bench_on(blobs: LocalBlobStore) -> AsyncGenerator[Bench]:
    clock, publisher = ManualClock(), Published()
    with closing(blobs):
        bench = Bench(blobs, publisher, clock, InlineJobs(blobs, publisher, clock, RULES, PROVIDER))
        try:
            yield bench
        finally:
            await bench.jobs.close()


async def test_a_job_has_ended_when_start_returns(tmp_path: Path) -> None:
    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        await bench.jobs.start(await bench.job("a.jpg"))
        assert bench.publisher.told() == [("mail-a:1", "described")]
        assert [name async for name in bench.blobs.list(FOLDER)] == []


async def test_a_run_is_a_step_of_the_trace_and_its_length_is_measured(tmp_path: Path) -> None:
    telemetry = RecordedTelemetry()
    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        bench.jobs = InlineJobs(
            bench.blobs, bench.publisher, bench.clock, RULES, PROVIDER, telemetry=telemetry
        )
        job = replace(await bench.job("a.jpg"), traceparent=PARENT)
        await bench.jobs.start(job)
        await bench.jobs.start(job)  # its content is described now, so nothing runs
    (span,) = telemetry.spans
    assert (span.name, span.parent) == ("describe", PARENT)
    assert span.attributes == {"job_id": "mail-a:1"}
    ((metric, seconds),) = telemetry.recorded
    assert metric == "description_seconds"
    assert 0 < seconds < 60


async def test_media_on_another_machine_are_copied_here_and_removed(tmp_path: Path) -> None:
    async with bench_on(FarBlobs(tmp_path)) as bench:
        await bench.jobs.start(await bench.job("a.jpg", b"y" * 3_000_000))
        assert bench.publisher.told() == [("mail-a:1", "described")]


async def test_media_that_are_gone_are_unreadable(tmp_path: Path) -> None:
    async with bench_on(FarBlobs(tmp_path)) as bench:
        job = await bench.job("a.jpg")
        await bench.jobs.start(replace(job, blob="media/gone.jpg"))
        assert bench.publisher.told() == [("mail-a:1", "unreadable")]


async def test_what_the_temporary_storage_can_never_hold_is_unreadable_at_once(
    tmp_path: Path,
) -> None:
    async with bench_on(FarBlobs(tmp_path)) as bench:
        job = await bench.job("a.mov")
        await bench.jobs.start(replace(job, size=1 << 60))
        (event,) = bench.publisher.events
        ended = from_payload(event.data, MediaDescribed)
        assert (ended.status, "MAIL_INGEST_JOBS" in ended.reason) == ("unreadable", True)
        assert await bench.blobs.get(job.blob) == b"x"


async def test_a_full_disk_fails_the_activity_with_a_sentence_and_no_other_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Any = Path.open

    def full(path: Path, *options: Any, **more: Any) -> Any:
        return opened(Path("/dev/full") if path.name == "media" else path, *options, **more)

    async with bench_on(FarBlobs(tmp_path / "blobs")) as bench:
        job = await bench.job("a.jpg", b"y" * 3_000_000)
        with monkeypatch.context() as disk:
            disk.setattr(Path, "open", full)
            with pytest.raises(StorageFullError):
                await bench.jobs.start(job)
            bench.clock.advance(hours=1)
            assert await bench.jobs.tick() > 0
        bench.clock.advance(hours=1)
        await bench.jobs.tick()
        assert bench.publisher.told() == [("mail-a:1", "described")]


async def test_an_event_that_cannot_be_published_fails_the_activity_which_tries_again(
    tmp_path: Path,
) -> None:
    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        bench.publisher.down = 1
        job = await bench.job("a.jpg")
        with pytest.raises(ServiceUnavailableError):
            await bench.jobs.start(job)
        assert await bench.jobs.open_jobs() == 1
        await bench.jobs.start(job)
        assert bench.publisher.told() == [("mail-a:1", "described")]
        assert await bench.jobs.open_jobs() == 0


async def test_a_job_that_breaks_off_after_its_event_tells_it_again_under_the_same_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_off(ledger: JobLedger, job_id: str) -> None:
        del ledger, job_id
        raise ServiceUnavailableError("blobs")

    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        job = await bench.job("unreadable.jpg")
        with monkeypatch.context() as crash:
            crash.setattr(JobLedger, "close", break_off)
            with pytest.raises(ServiceUnavailableError):
                await bench.jobs.start(job)
        bench.clock.advance(hours=1)
        await bench.jobs.tick()
        await bench.jobs.start(job)  # anew: its submission was given another chance

        first, again, anew = (event.id for event in bench.publisher.events)
        assert first == again != anew


async def test_a_job_of_a_process_that_died_is_found_when_it_is_overdue(tmp_path: Path) -> None:
    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        starting = asyncio.create_task(bench.jobs.start(await bench.job("slow.jpg")))
        while not await bench.jobs.open_jobs():
            await asyncio.sleep(0.01)
        starting.cancel()
        await asyncio.wait([starting])
        await bench.jobs.close()
        jobs = bench.after_a_restart()
        assert await jobs.tick() > 60
        assert bench.publisher.told() == []
        bench.clock.advance(hours=1)
        await jobs.tick()
        assert bench.publisher.told() == [("mail-a:1", "described")]


async def test_a_postponed_job_whose_event_cannot_be_published_is_tried_once_more(
    tmp_path: Path,
) -> None:
    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        await bench.jobs.start(await bench.job("unavailable.jpg"))
        bench.publisher.down = 1
        for _ in range(2):
            bench.clock.advance(hours=1)
            await bench.jobs.tick()
        assert bench.publisher.told() == [("mail-a:1", "described")]


async def test_a_look_begins_no_more_jobs_than_a_function_has_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        for number in range(3):
            job = await bench.job(f"unavailable-slow-{number}.jpg", b"x" * (number + 1))
            await bench.jobs.start(replace(job, job_id=f"mail-a:{number}"))
        bench.clock.advance(hours=1)
        with monkeypatch.context() as patience:
            patience.setattr("adapters.azure.inline_jobs._LONGEST_LOOK_S", 0.1)
            assert await bench.jobs.tick() == 0
        assert len(bench.publisher.told()) <= 1
        for _ in range(4):
            bench.clock.advance(hours=1)
            await bench.jobs.tick()
        assert len(bench.publisher.told()) == 3


async def test_two_processes_that_look_share_what_is_due(tmp_path: Path) -> None:
    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        for number in (1, 2):
            job = await bench.job("unavailable-slow.jpg")
            await bench.jobs.start(replace(job, job_id=f"mail-{number}:1", sha256=f"{number}" * 64))
        bench.clock.advance(hours=1)
        other = InlineJobs(bench.blobs, bench.publisher, bench.clock, RULES, PROVIDER)
        runs = tmp_path / "media" / "runs.txt"
        looking = asyncio.create_task(bench.jobs.tick())
        while len(runs.read_text().splitlines()) < 3:  # it is at the first of them
            await asyncio.sleep(0.01)
        try:
            await asyncio.gather(looking, other.tick())
        finally:
            await other.close()
        assert len(runs.read_text().splitlines()) == 4
        assert sorted(bench.publisher.told()) == [
            ("mail-1:1", "described"),
            ("mail-2:1", "described"),
        ]


def test_a_function_may_take_as_long_as_a_description_at_the_worst() -> None:
    host = json.loads((Path(__file__).parents[4] / "host.json").read_text("utf-8"))
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    waited, tried_twice = timedelta(minutes=15), 2 * JobRules().video_time
    assert timedelta(hours=hours, minutes=minutes, seconds=seconds) > waited + tried_twice


async def test_a_describer_that_does_not_start_puts_jobs_off(tmp_path: Path) -> None:
    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        broken = replace(RULES, command=("/not/there",))
        jobs = InlineJobs(bench.blobs, bench.publisher, bench.clock, broken, PROVIDER)
        await jobs.start(await bench.job("a.jpg"))
        assert await jobs.open_jobs() == 1
        bench.clock.advance(hours=1)
        await bench.jobs.tick()
        assert bench.publisher.told() == [("mail-a:1", "described")]


async def test_what_is_tried_again_is_tried_in_fair_order(tmp_path: Path) -> None:
    async with bench_on(LocalBlobStore(tmp_path)) as bench:
        ledger, now = JobLedger(bench.blobs, FOLDER), bench.clock.now().timestamp()
        for number in range(5):
            sender = "b" if number == 4 else "a"
            job = await bench.job(f"{number}.jpg", str(number).encode())
            job = replace(job, job_id=f"mail-{number}:1", fairness_key=sender)
            await ledger.add(OpenJob(job=job, created_at=now + number, due_at=now))
        await bench.jobs.tick()
        assert [job_id for job_id, _ in bench.publisher.told()][1] == "mail-4:1"
