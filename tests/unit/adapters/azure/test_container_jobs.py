"""Jobs in containers when things go wrong: step by step, by a clock that the test moves."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.azure.jobs.container_jobs import FOLDER, ContainerJobs
from adapters.azure.jobs.launches import LaunchBook
from adapters.azure.jobs.ledger import JobLedger
from adapters.azure.jobs.limiter import CreateLimits
from adapters.azure.jobs.program import Program
from describer.rules import JobRules
from shared import events
from shared.codec import from_payload
from shared.events import MediaDescribed
from shared.model import Kind
from shared.ports import DescriptionJob
from tests.fakes.arm import FakeArm, Fault, fake_arm
from tests.support.arm_clients import IMAGE, apps_on, instances_on
from tests.support.clocks import ManualClock
from tests.support.container_describer import COMMAND
from tests.support.event_door import EventDoor, event_door
from tests.support.job_blobs import LocalJobBlobs
from tests.support.job_desk import PROVIDER, container_rules
from tests.support.local_services import LocalServices, local_services
from tests.support.recorded_telemetry import RecordedTelemetry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from adapters.azure.jobs.platform import ContainerPlatform
    from adapters.azure.jobs.rules import ContainerRules
    from shared.model import CloudEvent

RULES = replace(container_rules(JobRules()), max_containers=2)
SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")
both = pytest.mark.parametrize("on", [instances_on, apps_on], ids=["instances", "apps"])
type On = Callable[..., AbstractAsyncContextManager[Any]]


@dataclass(slots=True)
class Bench:
    """Everything around the jobs, which are as new as after a restart whenever one wants it."""

    services: LocalServices
    blobs: LocalJobBlobs
    clock: ManualClock
    arm: FakeArm
    door: EventDoor
    platform: ContainerPlatform
    published: list[CloudEvent]
    telemetry: RecordedTelemetry = field(default_factory=RecordedTelemetry)

    def jobs(self, rules: ContainerRules = RULES) -> ContainerJobs:
        """The jobs of a process that has just started."""
        return ContainerJobs(
            self.platform,
            self.blobs,
            self,
            self.clock,
            rules,
            PROVIDER,
            telemetry=self.telemetry,
        )

    async def publish(self, event: CloudEvent) -> None:
        """We are the publisher, so that we see what is told twice."""
        self.published.append(event)

    def told(self) -> list[tuple[str, str]]:
        """Who was told to have ended how, by a container or by us."""
        ended = [from_payload(event.data, MediaDescribed) for event in self.published]
        assert {event.type for event in self.published} <= {events.DESCRIBED}
        return [(one.job_id, one.status) for one in ended]

    async def job(
        self, file_name: str, submission: str = "mail-a", number: int = 1
    ) -> DescriptionJob:
        blob = f"media/{file_name}"
        await self.blobs.put(blob, file_name.encode())
        return DescriptionJob(
            job_id=f"{submission}:{number}",
            kind=Kind.VIDEO,
            blob=blob,
            file_name=file_name,
            media_type="video/mp4",
            size=1,
            sha256=hashlib.sha256(file_name.encode()).hexdigest(),
        )

    async def tick(self, jobs: ContainerJobs, *, seconds: float = 1) -> None:
        """Let time pass, and take everything one step further."""
        self.clock.advance(seconds=seconds)
        await jobs.tick()

    async def containers_end(self) -> None:
        """Wait until every container has ended by itself."""
        for each in (*self.arm.groups.created, *self.arm.apps.executions):
            await each.container.process.wait()

    async def left_behind(self) -> list[str]:
        """The blobs of jobs and launches that are there."""
        names = [name async for name in self.blobs.list(FOLDER)]
        return [name for name in names if "/creates/" not in name]


@asynccontextmanager
async def bench_on(
    on: On, folder: Path, command: tuple[str, ...] = COMMAND
) -> AsyncGenerator[Bench]:
    clock, published = ManualClock(), list["CloudEvent"]()
    async with AsyncExitStack() as stack:
        services = stack.enter_context(local_services(folder, clock))
        blobs = stack.enter_context(closing(LocalJobBlobs(folder / "blobs")))
        arm = await stack.enter_async_context(fake_arm({IMAGE: command}))
        door = EventDoor(services.publisher)
        bench = Bench(services, blobs, clock, arm, door, None, published)  # type: ignore[arg-type]
        bench.door = await stack.enter_async_context(event_door(bench))
        arm.apps.secrets["event-key"] = bench.door.key
        program = Program(
            image=IMAGE,
            environment={"EVENT_URL": bench.door.url},
            secrets={"EVENT_KEY": bench.door.key},
        )
        bench.platform = await stack.enter_async_context(on(arm, program))
        yield bench


@both
async def test_the_media_of_a_submission_share_a_container(on: On, tmp_path: Path) -> None:
    async with bench_on(on, tmp_path) as bench:
        jobs = bench.jobs()
        for number in (1, 2, 3):
            await jobs.start(await bench.job(f"{number}.mp4", number=number))
        await bench.tick(jobs)
        await bench.containers_end()
        await bench.tick(jobs)
        assert len(bench.arm.started()) == 1
        assert sorted(bench.told()) == [(f"mail-a:{number}", "described") for number in (1, 2, 3)]
        assert len(bench.door.events) == 3
        assert [metric for metric, _ in bench.telemetry.recorded] == ["description_seconds"] * 3
        assert await bench.left_behind() == []
        assert bench.arm.running() == 0


@both
async def test_a_job_outlives_the_process_that_took_it(on: On, tmp_path: Path) -> None:
    async with bench_on(on, tmp_path) as bench:
        await bench.jobs().start(await bench.job("a.mp4"))
        await bench.tick(bench.jobs())
        await bench.containers_end()
        await bench.tick(bench.jobs())
        assert bench.told() == [("mail-a:1", "described")]
        assert await bench.left_behind() == []


@both
async def test_a_container_whose_creation_is_not_answered_is_not_created_twice(
    on: On, tmp_path: Path
) -> None:
    async with bench_on(on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        bench.arm.faults.append(Fault(status=0, match=r"PUT|/start", after=True))
        await jobs.start(await bench.job("a.mp4"))
        await bench.tick(jobs)
        for _ in range(3):
            await bench.tick(jobs, seconds=100)
        assert len(bench.arm.started()) == 1


@both
async def test_where_no_event_can_be_sent_we_tell(on: On, tmp_path: Path) -> None:
    async with bench_on(on, tmp_path) as bench:
        jobs, bench.door.closed = bench.jobs(), True
        await jobs.start(await bench.job("a.mp4"))
        await jobs.start(await bench.job("unreadable.mp4", number=2))
        await bench.tick(jobs)
        await bench.containers_end()
        await bench.tick(jobs)
        assert bench.door.events == []
        assert bench.told() == [("mail-a:1", "described"), ("mail-a:2", "unreadable")]


@both
async def test_what_a_container_does_not_know_to_be_told_we_tell_under_the_same_id(
    on: On, tmp_path: Path
) -> None:
    async with bench_on(on, tmp_path) as bench:
        jobs, bench.door.mute = bench.jobs(), True
        await jobs.start(await bench.job("unreadable.mp4"))
        await bench.tick(jobs)
        await bench.containers_end()
        by_container = {event.id for event in bench.published}
        bench.published.clear()
        await bench.tick(jobs)

        assert {event.id for event in bench.published} == by_container
        assert len(by_container) == 1


@both
async def test_a_container_that_ends_without_a_report_is_followed_by_another(
    on: On, tmp_path: Path
) -> None:
    async with bench_on(on, tmp_path, (sys.executable, "-c", "")) as bench:
        jobs = bench.jobs()
        await jobs.start(await bench.job("a.mp4"))
        for _ in range(3):
            await bench.tick(jobs, seconds=400)
            await bench.containers_end()
            await bench.tick(jobs)
        launched = {environment["JOBS_URL"] for environment in bench.arm.started()}
        assert len(launched) == 3
        assert bench.told() == []
        assert await jobs.open_jobs() == 1


@both
async def test_a_container_that_never_ends_is_removed(on: On, tmp_path: Path) -> None:
    async with bench_on(on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        await jobs.start(await bench.job("a.mp4"))
        await bench.tick(jobs)
        await bench.tick(jobs, seconds=60)
        assert bench.arm.running() == 1
        await bench.tick(jobs, seconds=RULES.limit_s([]) + 2 * 600)
        assert bench.arm.running() == 0
        await bench.tick(jobs, seconds=400)
        assert bench.arm.running() == 1


async def test_a_container_that_somebody_else_deletes_is_created_again(tmp_path: Path) -> None:
    async with bench_on(instances_on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        await jobs.start(await bench.job("a.mp4"))
        await bench.tick(jobs)
        (name,) = await bench.platform.names()
        await bench.platform.remove(name)
        await bench.tick(jobs, seconds=30)
        assert bench.arm.running() == 0
        await bench.tick(jobs, seconds=40)
        assert await bench.platform.names() == {name}


@both
async def test_a_quota_is_waited_for_as_long_as_azure_says(on: On, tmp_path: Path) -> None:
    async with bench_on(on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        no = Fault(status=429, code="TooManyRequests", match=r"PUT|/start", retry_after_s=100)
        bench.arm.faults.append(no)
        await jobs.start(await bench.job("a.mp4"))
        await bench.tick(jobs)
        await jobs.start(await bench.job("b.mp4", "mail-b"))
        await bench.tick(jobs, seconds=90)
        assert sum("PUT" in call or "/start" in call for call in bench.arm.calls) == 1
        await bench.tick(jobs, seconds=20)
        assert len(bench.arm.started()) == 2


@both
async def test_azure_is_asked_again_within_the_hour_whatever_it_says(
    on: On, tmp_path: Path
) -> None:
    async with bench_on(on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        no = Fault(status=429, match=r"PUT|/start", retry_after_s=10**9)
        bench.arm.faults.append(no)
        await jobs.start(await bench.job("a.mp4"))
        await bench.tick(jobs)
        await bench.tick(jobs, seconds=3601)
        assert len(bench.arm.started()) == 1


@both
async def test_a_container_that_azure_does_not_let_go_holds_up_no_other(
    on: On, tmp_path: Path
) -> None:
    async with bench_on(on, tmp_path) as bench:
        jobs = bench.jobs()
        stuck = Fault(status=409, match=r"DELETE|/stop", times=sys.maxsize)
        bench.arm.faults.append(stuck)
        await bench.platform.create("describe-lost-1", "file:///not/there", "mail-x")
        for name in "abc":
            await jobs.start(await bench.job(f"{name}.mp4", f"mail-{name}"))
        for _ in range(4):
            await bench.tick(jobs, seconds=10)
            await bench.containers_end()
        assert sorted(bench.told()) == [(f"mail-{name}:1", "described") for name in "abc"]
        assert await bench.left_behind() == []
        stuck.times = 0
        await bench.tick(jobs, seconds=600)
        assert bench.arm.running() == 0


async def test_a_container_that_azure_tells_nothing_of_holds_up_no_other(tmp_path: Path) -> None:
    async with bench_on(instances_on, tmp_path) as bench:
        jobs, bench.door.closed = bench.jobs(), True
        for name in "ab":
            await jobs.start(await bench.job(f"{name}.mp4", f"mail-{name}"))
        await bench.tick(jobs)
        by_submission = {
            group.body["tags"]["mail-ingest-submission"]: group.name
            for group in bench.arm.groups.created
        }
        no = Fault(status=503, match=f"GET .*/{by_submission['mail-a']}$", times=sys.maxsize)
        bench.arm.faults.append(no)
        await bench.containers_end()
        await bench.tick(jobs)
        assert bench.told() == [("mail-b:1", "described")]
        await bench.tick(jobs, seconds=RULES.limit_s([]) + 2 * 600)
        assert bench.told() == [("mail-b:1", "described"), ("mail-a:1", "described")]
        assert await bench.left_behind() == []


@pytest.mark.parametrize("no", [409, 429, 503], ids=str)
async def test_a_job_that_never_gets_a_container_ends_all_the_same(tmp_path: Path, no: int) -> None:
    async with bench_on(instances_on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        bench.arm.faults.append(Fault(status=no, match="PUT", times=sys.maxsize))
        await jobs.start(await bench.job("a.mp4"))
        for _ in range(74):
            await bench.tick(jobs, seconds=3600)
        assert bench.told() == [("mail-a:1", "unreadable")]
        assert await bench.left_behind() == []


async def test_a_job_whose_containers_always_vanish_ends_all_the_same(tmp_path: Path) -> None:
    async with bench_on(instances_on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        await jobs.start(await bench.job("a.mp4"))
        for _ in range(20):
            await bench.tick(jobs, seconds=4 * 3600)
            for name in await bench.platform.names():
                await bench.platform.remove(name)
        assert bench.told() == [("mail-a:1", "unreadable")]
        assert await bench.left_behind() == []


async def test_containers_are_created_no_faster_than_our_own_limit_says(tmp_path: Path) -> None:
    rules = replace(RULES, limits=CreateLimits(per_hour=9, per_5_min=1))
    async with bench_on(instances_on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs(rules)
        for number in range(2):
            await jobs.start(await bench.job(f"{number}.mp4", f"mail-{number}"))
        await bench.tick(jobs)
        await bench.tick(bench.jobs(rules), seconds=200)
        assert len(bench.arm.started()) == 1
        await bench.tick(jobs, seconds=101)
        assert len(bench.arm.started()) == 2


async def test_no_more_containers_run_than_we_have_said_whichever_process_starts_them(
    tmp_path: Path,
) -> None:
    async with bench_on(instances_on, tmp_path, SLEEPS) as bench:
        for number in range(4):
            await bench.jobs().start(await bench.job(f"{number}.mp4", f"mail-{number}"))
        await bench.tick(bench.jobs())
        assert bench.arm.running() == RULES.max_containers
        await bench.tick(bench.jobs())
        assert bench.arm.running() == RULES.max_containers


@both
async def test_a_refusal_is_a_problem_until_it_is_cured(on: On, tmp_path: Path) -> None:
    async with bench_on(on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        no = Fault(status=403, code="AuthorizationFailed", match=r"PUT|/start")
        bench.arm.faults.append(no)
        await jobs.start(await bench.job("a.mp4"))
        await bench.tick(jobs)
        assert "AuthorizationFailed" in jobs.problem
        await bench.tick(jobs, seconds=10)
        assert jobs.problem
        await bench.tick(jobs, seconds=300)
        assert not jobs.problem
        assert len(bench.arm.started()) == 1


@both
async def test_a_container_that_no_launch_stands_for_is_removed(on: On, tmp_path: Path) -> None:
    async with bench_on(on, tmp_path, SLEEPS) as bench:
        await bench.platform.create("describe-lost-1", "https://blobs/x", "mail-x")
        await bench.jobs().start(await bench.job("a.mp4"))
        await bench.tick(bench.jobs())
        names = await bench.platform.names()
        assert len(names) == 1
        assert "describe-lost-1" not in names


@both
async def test_two_processes_that_look_at_once_start_one_container(on: On, tmp_path: Path) -> None:
    async with bench_on(on, tmp_path, SLEEPS) as bench:
        await bench.jobs().start(await bench.job("a.mp4"))
        bench.clock.advance(seconds=1)
        await asyncio.gather(bench.jobs().tick(), bench.jobs().tick(), bench.jobs().tick())
        await bench.tick(bench.jobs())
        assert len(bench.arm.started()) == 1


@both
async def test_a_launch_that_another_process_has_just_claimed_is_left_to_it(
    on: On, tmp_path: Path
) -> None:
    async with bench_on(on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        await jobs.start(await bench.job("a.mp4"))
        noted = await JobLedger(bench.blobs, FOLDER).all()
        now = bench.clock.now().timestamp()
        book = LaunchBook(bench.blobs, FOLDER, RULES.owner)
        assert await book.claim(noted, [], 600, now) is not None
        await bench.tick(jobs, seconds=5)
        assert bench.arm.started() == []
        await bench.tick(jobs, seconds=60)  # it has died
        assert len(bench.arm.started()) == 1


@both
async def test_a_settlement_that_breaks_off_is_finished_later_and_tells_nothing_twice(
    on: On, tmp_path: Path
) -> None:
    async with bench_on(on, tmp_path) as bench:
        jobs, bench.door.closed = bench.jobs(), True
        await jobs.start(await bench.job("a.mp4"))
        await bench.tick(jobs)
        await bench.containers_end()
        no = Fault(status=503, match=r"DELETE|GET .*executions", times=1)
        bench.arm.faults.append(no)
        await bench.tick(jobs)
        await bench.tick(jobs, seconds=60)
        await bench.tick(jobs, seconds=60)
        assert bench.told() == [("mail-a:1", "described")]
        assert await bench.left_behind() == []


async def test_a_report_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    async with bench_on(instances_on, tmp_path, (sys.executable, "-c", "")) as bench:
        jobs = bench.jobs()
        await jobs.start(await bench.job("a.mp4"))
        await bench.tick(jobs)
        await bench.blobs.put(f"{FOLDER}/launches/mail-a/1/reports/1.json", b"{")
        await bench.containers_end()
        await bench.tick(jobs)
        assert bench.told() == []
        assert await jobs.open_jobs() == 1


@both
async def test_an_item_that_comes_late_gets_a_container_of_its_own(on: On, tmp_path: Path) -> None:
    async with bench_on(on, tmp_path) as bench:
        jobs = bench.jobs()
        await jobs.start(await bench.job("a.mp4"))
        await bench.tick(jobs)
        await jobs.start(await bench.job("b.mp4", number=2))
        await bench.tick(jobs)
        await bench.containers_end()
        await bench.tick(jobs)
        assert len(bench.arm.started()) == 2
        assert sorted(bench.told()) == [("mail-a:1", "described"), ("mail-a:2", "described")]


async def test_what_nobody_waits_for_comes_last(tmp_path: Path) -> None:
    async with bench_on(instances_on, tmp_path, SLEEPS) as bench:
        jobs = bench.jobs()
        for name in "abc":
            await jobs.start(await bench.job(f"{name}.mp4", f"mail-{name}"))
        await jobs.cancel("mail-a:1")
        await bench.tick(jobs)
        tags = [group.body["tags"]["mail-ingest-submission"] for group in bench.arm.groups.created]
        assert sorted(tags) == ["mail-b", "mail-c"]


async def test_one_senders_videos_delay_another_sender_by_the_container_that_runs(
    tmp_path: Path,
) -> None:
    rules = replace(RULES, max_containers=1)
    async with bench_on(instances_on, tmp_path) as bench:
        jobs = bench.jobs(rules)
        for number in range(4):
            job = await bench.job(f"{number}.mp4", f"mail-{number}")
            await jobs.start(replace(job, fairness_key="a"))
        await bench.tick(jobs)
        await jobs.start(replace(await bench.job("b.mp4", "mail-b"), fairness_key="b"))
        await bench.containers_end()
        await bench.tick(jobs)
        await bench.tick(jobs)
        tags = [group.body["tags"]["mail-ingest-submission"] for group in bench.arm.groups.created]
        assert tags == ["mail-0", "mail-b"]
        await bench.containers_end()
