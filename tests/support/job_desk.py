"""A place to start description jobs of each kind, and to hear how they end."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from adapters.azure.inline_jobs import InlineJobs
from adapters.azure.jobs.container_jobs import ContainerJobs
from adapters.azure.jobs.program import Program
from adapters.azure.jobs.rules import ContainerRules
from adapters.local.description_jobs import LocalDescriptionJobs
from describer.rules import JobRules
from shared import events
from shared.codec import from_payload
from shared.events import MediaDescribed
from shared.model import Kind
from shared.ports import DescriptionJob
from tests.fakes.arm import fake_arm
from tests.support.arm_clients import IMAGE, OWNER, apps_on, instances_on
from tests.support.container_describer import COMMAND
from tests.support.event_door import event_door
from tests.support.job_blobs import LocalJobBlobs
from tests.support.local_services import local_services

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine
    from contextlib import AbstractAsyncContextManager

    from shared.model import CloudEvent
    from tests.support.local_services import LocalServices

PROJECT = Path(__file__).parents[2]
FAKE = (sys.executable, "-m", "tests.support.fake_describer")
PROVIDER = ("fake", "1")
RULES = JobRules(
    workers=1,
    command=FAKE,
    environment={"PYTHONPATH": str(PROJECT)},
    photo_time=timedelta(seconds=1),
    restart_pause=timedelta(seconds=0.1),
)


class RunningJobs(Protocol):
    """What every adapter of DescriptionJobs offers to its host."""

    async def start(self, job: DescriptionJob) -> None: ...
    async def cancel(self, job_id: str) -> None: ...
    async def open_jobs(self) -> int: ...
    def run(self) -> Coroutine[Any, Any, None]: ...


@dataclass(slots=True)
class Desk[J: RunningJobs]:
    """Where jobs are started, and the events that came of them."""

    services: LocalServices
    jobs: J
    ended: dict[str, MediaDescribed] = field(default_factory=dict[str, MediaDescribed])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(
        self, file_name: str, content: bytes = b"x", kind: Kind = Kind.PHOTO, *, sender: str = ""
    ) -> str:
        """Store a file and start a job for it; the job's ID."""
        job_id = f"{file_name}:1"
        blob = f"media/{file_name}"
        await self.services.blobs.put(blob, content)
        await self.jobs.start(
            DescriptionJob(
                job_id=job_id,
                kind=kind,
                blob=blob,
                file_name=file_name,
                media_type="image/jpeg",
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                fairness_key=sender,
            )
        )
        return job_id

    async def result(self, job_id: str) -> MediaDescribed:
        """Wait for the job's event."""
        async with asyncio.timeout(30):
            while job_id not in self.ended:
                self.changed.clear()
                await self.changed.wait()
        return self.ended[job_id]

    def runs(self) -> list[str]:
        """The job IDs that a describer has worked on, in order, again for each time."""
        return [line.split()[1] for line in self._lines()]

    def processes(self) -> list[int]:
        """The process IDs of the describers that have worked, in order, each once."""
        return list(dict.fromkeys(int(line.split()[0]) for line in self._lines()))

    def _lines(self) -> list[str]:
        file = self.services.folder / "blobs" / "media" / "runs.txt"
        return file.read_text().splitlines() if file.exists() else []

    async def took(self, event: CloudEvent) -> bool:
        """The handler of media.described."""
        ended = from_payload(event.data, MediaDescribed)
        assert ended.job_id not in self.ended
        self.ended[ended.job_id] = ended
        self.changed.set()
        return True


class OpenDesk(Protocol):
    """Opens a desk of one kind on a folder; opening the same folder again is a restart."""

    def __call__(
        self, folder: Path, rules: JobRules = RULES
    ) -> AbstractAsyncContextManager[Desk[Any]]: ...


@asynccontextmanager
async def local_desk(
    folder: Path, rules: JobRules = RULES, *, runs: bool = True
) -> AsyncGenerator[Desk[LocalDescriptionJobs]]:
    """The table and the processes of one machine."""
    with local_services(folder) as services:
        jobs = LocalDescriptionJobs(
            services.database, services.blobs, services.publisher, services.clock, rules
        )
        async with _serving(Desk(services, jobs), runs=runs) as desk:
            yield desk


@asynccontextmanager
async def inline_desk(folder: Path, rules: JobRules = RULES) -> AsyncGenerator[Desk[InlineJobs]]:
    """Processes beside the activity."""
    with local_services(folder) as services:
        jobs = InlineJobs(services.blobs, services.publisher, services.clock, rules, PROVIDER)
        try:
            async with _serving(Desk(services, jobs)) as desk:
                yield desk
        finally:
            await jobs.close()


@asynccontextmanager
async def container_desk(
    kind: str, folder: Path, rules: JobRules = RULES
) -> AsyncGenerator[Desk[ContainerJobs]]:
    """Containers on the fake ARM, which tell by event."""
    on = {"instances": instances_on, "apps": apps_on}[kind]
    with local_services(folder) as services, closing(LocalJobBlobs(folder / "blobs")) as blobs:
        async with event_door(services.publisher) as door, fake_arm({IMAGE: COMMAND}) as arm:
            arm.apps.secrets["event-key"] = door.key
            program = Program(
                image=IMAGE,
                environment={"EVENT_URL": door.url},
                secrets={"EVENT_KEY": door.key},
            )
            async with on(arm, program) as platform:
                jobs = ContainerJobs(
                    platform,
                    blobs,
                    services.publisher,
                    services.clock,
                    container_rules(rules),
                    PROVIDER,
                )
                async with _serving(Desk(services, jobs)) as desk:
                    yield desk


def container_rules(rules: JobRules) -> ContainerRules:
    """The same rules for containers, with the patience of a test."""
    return ContainerRules(
        owner=OWNER,
        photo_time=rules.photo_time,
        video_time=rules.video_time,
        horizon=rules.horizon,
        gather=timedelta(seconds=0.02),
        look_every=timedelta(seconds=0.1),
    )


@asynccontextmanager
async def _serving[J: RunningJobs](desk: Desk[J], *, runs: bool = True) -> AsyncGenerator[Desk[J]]:
    """Deliver events to the desk, and let the jobs run."""
    desk.services.pump.subscribe(events.DESCRIBED, desk.took)
    tasks = [asyncio.create_task(desk.services.pump.run())]
    if runs:
        tasks.append(asyncio.create_task(desk.jobs.run()))
    try:
        yield desk
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            with suppress(asyncio.CancelledError):
                task.result()
