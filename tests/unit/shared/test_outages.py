"""Submissions that wait in the queue while what starts them is down for long."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from adapters.azure.work_queue import ServiceBusWorkQueue
from shared.dispatch import Dispatcher
from shared.errors import ServiceUnavailableError, StorageCorruptError, StorageFullError
from shared.ports import SubmissionState
from shared.second_chance import given_up, resubmit
from shared.settings.azure import ServiceBusSettings
from shared.steps import Patience
from tests.fakes.service_bus.broker import Entities, broker
from tests.fakes.service_bus.queue import QueueRules
from tests.support.core import Core, a_submission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.dispatch import Settlement
    from shared.model import JsonObject
    from shared.ports import Clock, Instance, QueuedMessage, WorkQueue

TWO_HOURS_S = 7200
STEP_S = 5  # of the clock
HUB_IS_GONE = ServiceUnavailableError("task hub", "UNAVAILABLE")


@dataclass(slots=True)
class Hub:
    """Starts instances, unless it has a `fault`; writes down when it was asked."""

    clock: Clock
    fault: Exception | None = None
    started: Counter[str] = field(default_factory=Counter[str])
    asked_at: list[float] = field(default_factory=list[float])

    async def start(self, orchestrator: str, *, instance_id: str, payload: JsonObject) -> bool:
        del orchestrator, payload
        self.asked_at.append(self.clock.now().timestamp())
        if self.fault:
            raise self.fault
        self.started[instance_id] += 1
        return self.started[instance_id] == 1

    async def raise_event(self, instance_id: str, *, name: str, payload: JsonObject) -> bool:
        raise NotImplementedError

    async def instance(self, instance_id: str) -> Instance | None:
        del instance_id
        return None

    async def purge(self, instance_id: str) -> None:
        raise NotImplementedError


@dataclass(slots=True)
class Ending:
    """A queue on its own bad day: so many copies are not taken, so many completions are cut off by
    the death of the process. With `is_hasty` no delay is waited for.
    """

    queue: WorkQueue
    refusals: int = 0
    deaths: int = 0
    is_hasty: bool = False

    async def send(
        self,
        message_id: str,
        body: bytes,
        *,
        application_properties: Mapping[str, str] | None = None,
    ) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StorageFullError("queue")
        await self.queue.send(message_id, body, application_properties=application_properties)

    async def complete(self, message: QueuedMessage) -> None:
        if self.deaths:
            self.deaths -= 1
        else:
            await self.queue.complete(message)

    async def abandon(self, message: QueuedMessage, *, delay_s: float = 0.0) -> None:
        await self.queue.abandon(message, delay_s=0 if self.is_hasty else delay_s)

    async def dead_letter(self, message: QueuedMessage, *, reason: str, description: str) -> None:
        await self.queue.dead_letter(message, reason=reason, description=description)


@pytest.fixture
def hub(core: Core) -> Hub:
    return Hub(core.clock, HUB_IS_GONE)


def dispatcher(core: Core, hub: Hub, queue: Settlement | None = None) -> Dispatcher:
    services = core.services
    return Dispatcher(
        blobs=services.blobs,
        queue=queue or services.queue,
        engine=hub,
        index=services.index,
        publisher=services.publisher,
        clock=core.clock,
        patience=Patience(),
    )


async def work(core: Core, starting: Dispatcher, *, seconds: int) -> None:
    """Work the queue off for some time of the clock."""
    for _ in range(0, seconds, STEP_S):
        for message in await core.services.queue.receive(max_messages=10, max_wait_s=0):
            await starting.dispatch(message)
        core.clock.advance(seconds=STEP_S)


async def state_of(core: Core, submission_id: str) -> SubmissionState | None:
    entry = await core.services.index.get(submission_id)
    return entry and entry.state


@pytest.mark.parametrize(
    "fault", [HUB_IS_GONE, StorageFullError("tables"), ConnectionResetError("gone")], ids=type
)
async def test_an_outage_puts_nothing_aside_and_everything_starts_once_after_it(
    core: Core, hub: Hub, fault: Exception
) -> None:
    hub.fault = fault
    submissions = [a_submission(number) for number in range(1, 4)]
    for submission in submissions:
        await core.services.intake.accept(submission)

    await work(core, dispatcher(core, hub), seconds=TWO_HOURS_S)
    assert await core.services.queue.depth() == len(submissions)
    assert not hub.started

    hub.fault = None
    await work(core, dispatcher(core, hub), seconds=60 + STEP_S)
    assert hub.started == {submission.id: 1 for submission in submissions}
    assert await core.services.queue.depth() == 0
    assert await core.services.queue.dead_letters() == ()
    assert "submission.dead-lettered.v1" not in await core.events()
    for submission in submissions:
        assert await state_of(core, submission.id) is SubmissionState.DESCRIBING


async def test_in_a_long_outage_a_submission_is_tried_about_once_a_minute(
    core: Core, hub: Hub
) -> None:
    await core.services.intake.accept(a_submission())
    began = core.clock.now().timestamp()
    await work(core, dispatcher(core, hub), seconds=TWO_HOURS_S)

    late = [moment for moment in hub.asked_at if moment > began + 600]
    assert max(after - before for before, after in pairwise(late)) <= 60 + STEP_S
    minutes = (TWO_HOURS_S - 600) / 60
    assert minutes * 0.9 < len(late) < minutes * 1.4


async def test_a_process_that_dies_before_it_completes_leaves_no_second_copy(
    core: Core, hub: Hub
) -> None:
    await core.services.intake.accept(a_submission())
    dying = Ending(core.services.queue, deaths=4)
    await work(core, dispatcher(core, hub, dying), seconds=TWO_HOURS_S)
    assert dying.deaths == 0
    assert await core.services.queue.depth() == 1

    hub.fault = None
    await work(core, dispatcher(core, hub), seconds=60 + STEP_S)
    assert hub.started == {a_submission().id: 1}
    assert await core.services.queue.dead_letters() == ()


async def test_a_queue_that_takes_no_copy_for_a_while_keeps_the_message(
    core: Core, hub: Hub
) -> None:
    await core.services.intake.accept(a_submission())
    refusing = Ending(core.services.queue, refusals=5)
    await work(core, dispatcher(core, hub, refusing), seconds=TWO_HOURS_S)

    assert refusing.refusals == 0
    assert await core.services.queue.depth() == 1
    assert await core.services.queue.dead_letters() == ()


async def test_what_proves_damaged_after_an_outage_is_put_aside_and_can_be_resubmitted(
    core: Core, hub: Hub
) -> None:
    submission, services = a_submission(), core.services
    await services.intake.accept(submission)
    await work(core, dispatcher(core, hub), seconds=TWO_HOURS_S)
    hub.fault = StorageCorruptError("engine.db", "damaged")
    await work(core, dispatcher(core, hub), seconds=60 + STEP_S)
    assert await state_of(core, submission.id) is SubmissionState.DEAD_LETTERED

    hub.fault = None
    assert await resubmit(services.index, services.queue, core.clock, submission.id)
    await work(core, dispatcher(core, hub), seconds=STEP_S)
    assert hub.started == {submission.id: 1}
    assert await given_up(services.index, services.queue) == []


async def test_an_outage_puts_nothing_aside_on_service_bus(core: Core, hub: Hub) -> None:
    submission = a_submission()
    rules = QueueRules(lock_s=60, max_delivery_count=10, duplicates_known_for_s=3600)
    async with broker(Entities(queues={"submissions": rules})) as running:
        queue = ServiceBusWorkQueue.open(
            ServiceBusSettings(connection_string=running.connection_string)
        )
        await replace(core.services.intake, queue=queue).accept(submission)
        starting = dispatcher(core, hub, Ending(queue, is_hasty=True))

        async def dispatch(times: int) -> None:
            for _ in range(times):
                (message,) = await queue.receive(max_messages=10, max_wait_s=5)
                await starting.dispatch(message)

        await dispatch(23)
        assert await queue.depth() == 1
        hub.fault = None
        await dispatch(1)

        assert hub.started == {submission.id: 1}
        assert await queue.depth() == 0
        assert await queue.dead_letters() == ()
        await queue.close()
