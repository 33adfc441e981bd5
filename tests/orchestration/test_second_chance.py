"""A submission that was given up and is taken up again, with real description jobs and each way
that their events are delivered.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette

from adapters.azure.event_publisher import EventGridPublisher
from adapters.azure.inline_jobs import InlineJobs
from adapters.local.description_jobs import LocalDescriptionJobs
from adapters.web.event_grid import EventGridDoor
from http_intake.serving import ServerSettings, serving
from shared import steps
from shared.described import DescribedHandler
from shared.dispatch import Dispatcher
from shared.errors import ServiceUnavailableError
from shared.events import DESCRIBED
from shared.model import MediaStatus
from shared.orchestrators import ORCHESTRATORS
from shared.outcomes import Outcomes
from shared.ports import InstanceState
from shared.second_chance import resubmit
from shared.settings.azure import EventGridSettings
from tests.fakes.event_grid import topic as event_grid
from tests.fakes.event_grid.deliveries import Subscription
from tests.fakes.event_grid.schedule import Schedule
from tests.support.core import PROVIDER, Core, a_submission, open_core
from tests.support.engine import ended, local_engine
from tests.support.job_desk import RULES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from adapters.local.engine import LocalEngine
    from adapters.local.event_pump import Handler
    from shared.model import JsonObject, Submission
    from tests.support.job_desk import RunningJobs

PATIENCE = steps.Patience(
    escalate_after_s=5, first_retry_s=0.01, longest_retry_s=0.02, attempts=2, reply_delays_s=()
)
KEY = "delivery-key"


@dataclass(frozen=True, slots=True)
class Host:
    """The jobs of a platform, and how the events that they publish reach their handler."""

    jobs: RunningJobs
    delivering: Callable[[Handler], AbstractAsyncContextManager[None]]

    async def has_settled(self) -> None:
        """Wait until no job is open."""
        async with asyncio.timeout(60):
            while await self.jobs.open_jobs():
                await asyncio.sleep(0.01)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with open_core(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def one_machine(core: Core) -> AsyncGenerator[Host]:
    """The outbox and its pump."""
    services = core.services
    jobs = LocalDescriptionJobs(
        services.database, services.blobs, services.publisher, core.clock, RULES
    )

    @asynccontextmanager
    async def delivering(handler: Handler) -> AsyncGenerator[None]:
        services.pump.subscribe(DESCRIBED, handler)
        working = asyncio.gather(services.pump.run(), jobs.run())
        try:
            yield
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    yield Host(jobs, delivering)


@asynccontextmanager
async def event_grid_and_its_door(core: Core) -> AsyncGenerator[Host]:
    """A topic, and the door of a container that it delivers to."""
    async with event_grid.topic(Schedule(scale=0.005)) as topic:
        settings = EventGridSettings(url=f"{topic.url}/api/events", key=event_grid.KEY)
        publisher = EventGridPublisher.open(settings)
        jobs = InlineJobs(core.services.blobs, publisher, core.clock, RULES, PROVIDER)

        @asynccontextmanager
        async def delivering(handler: Handler) -> AsyncGenerator[None]:
            door = EventGridDoor({DESCRIBED: handler}, delivery_key=KEY)
            app = Starlette(routes=[door.route("/events")])
            async with serving(app, ServerSettings(port=0), has_keys=True) as address:
                headers = {"X-Delivery-Key": KEY}
                await topic.subscribe(Subscription(url=f"{address.url}/events", headers=headers))
                yield

        try:
            yield Host(jobs, delivering)
        finally:
            await jobs.close()
            await publisher.close()


async def an_unreadable_photo(core: Core) -> Submission:
    """A submission whose one photo no describer can read."""
    submission = a_submission()
    (item,) = submission.media
    await core.services.blobs.put(item.blob, b"x")
    return replace(submission, media=(replace(item, file_name="unreadable.jpg"),))


async def dispatch(core: Core, engine: LocalEngine) -> None:
    """Start what the queue gives."""
    services = core.services
    dispatcher = Dispatcher(
        blobs=services.blobs,
        queue=services.queue,
        engine=engine,
        index=services.index,
        publisher=services.publisher,
        clock=core.clock,
        patience=PATIENCE,
    )
    (message,) = await services.queue.receive(max_messages=1, max_wait_s=0)
    await dispatcher.dispatch(message)


@pytest.mark.parametrize("platform", [one_machine, event_grid_and_its_door])
async def test_what_ends_the_same_way_again_is_told_again(
    core: Core, platform: Callable[[Core], AbstractAsyncContextManager[Host]]
) -> None:
    services, submission = core.services, await an_unreadable_photo(core)
    damage = ["the rules are damaged"]

    async def classify(payload: JsonObject) -> JsonObject:
        if damage:
            raise ServiceUnavailableError("classifier", damage[0])
        return await core.activities.classify(payload)

    async with platform(core) as host:
        activities = replace(core.activities, jobs=host.jobs).all() | {steps.CLASSIFY: classify}
        path = services.folder / "engine.db"
        async with local_engine(path, ORCHESTRATORS, activities) as engine:
            handler = DescribedHandler(engine=engine, index=services.index, desk=core.desk)
            async with host.delivering(handler.on_event):
                await services.intake.accept(submission)
                await dispatch(core, engine)
                first = await ended(engine, submission.id)
                await host.has_settled()
                damage.clear()
                core.clock.advance(hours=1)
                await resubmit(services.index, services.queue, core.clock, submission.id)
                await dispatch(core, engine)
                second = await ended(engine, submission.id)

    assert (first.state, second.state) == (InstanceState.FAILED, InstanceState.COMPLETED)
    outcome = await Outcomes(blobs=services.blobs).get(submission.id)
    assert outcome is not None
    assert outcome.media[0].status is MediaStatus.UNREADABLE
    assert outcome.media[0].reason == "It is cut off in the middle."
