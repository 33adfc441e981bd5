from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from shared import steps
from shared.codec import to_payload
from shared.described import DescribedHandler
from shared.dispatch import Dispatcher
from shared.errors import NewerStateError, ServiceUnavailableError
from shared.events import MediaDescribed, media_described
from shared.ports import Instance, InstanceState, SubmissionState
from shared.second_chance import given_up, resubmit
from tests.support.core import a_submission

if TYPE_CHECKING:
    from shared.model import JsonObject
    from shared.ports import QueuedMessage
    from tests.support.core import Core


OWN_FAULT = NewerStateError("the submission", found=2, known=1)


@dataclass(slots=True)
class WrittenDownEngine:
    """Keeps what it is told; every start fails with the `fault`, if there is one."""

    payloads: dict[str, JsonObject] = field(default_factory=dict[str, "JsonObject"])
    states: dict[str, InstanceState] = field(default_factory=dict[str, InstanceState])
    raised: list[str] = field(default_factory=list[str])
    fault: Exception | None = None

    async def start(self, orchestrator: str, *, instance_id: str, payload: JsonObject) -> bool:
        assert orchestrator == steps.PROCESS_SUBMISSION
        if self.fault:
            raise self.fault
        if instance_id in self.payloads:
            return False
        self.payloads[instance_id] = payload
        return True

    async def raise_event(self, instance_id: str, *, name: str, payload: JsonObject) -> bool:
        del name, payload
        self.raised.append(instance_id)
        return True

    async def instance(self, instance_id: str) -> Instance | None:
        state = self.states.get(instance_id)
        return None if state is None else Instance(instance_id=instance_id, state=state)

    async def purge(self, instance_id: str) -> None:
        self.payloads.pop(instance_id, None)


@pytest.fixture
def engine() -> WrittenDownEngine:
    return WrittenDownEngine()


def dispatcher(core: Core, engine: WrittenDownEngine, deliveries: int = 3) -> Dispatcher:
    services = core.services
    return Dispatcher(
        blobs=services.blobs,
        queue=services.queue,
        engine=engine,
        index=services.index,
        publisher=services.publisher,
        clock=core.clock,
        patience=steps.Patience(escalate_after_s=60),
        deliveries=deliveries,
    )


async def next_message(core: Core) -> QueuedMessage:
    (message,) = await core.services.queue.receive(max_messages=1, max_wait_s=0)
    return message


async def test_a_message_starts_the_instance_of_its_submission(
    core: Core, engine: WrittenDownEngine
) -> None:
    submission = a_submission(media=2)
    await core.services.intake.accept(submission)
    await dispatcher(core, engine).dispatch(await next_message(core))
    payload = engine.payloads[submission.id]
    assert list(payload["media"]) == [1, 2]
    assert payload["patience"]["escalate_after_s"] == 60
    assert await core.services.queue.depth() == 0
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.DESCRIBING


async def test_what_starts_an_instance_is_small_whatever_the_files_are_called(
    core: Core, engine: WrittenDownEngine
) -> None:
    submission = a_submission(media=1000)
    long_names = (replace(item, file_name="🎞" * 200) for item in submission.media)
    await core.services.intake.accept(replace(submission, media=tuple(long_names)))
    await dispatcher(core, engine).dispatch(await next_message(core))
    assert len(json.dumps(engine.payloads[submission.id])) < 10_000


async def test_an_instance_that_exists_is_success(core: Core, engine: WrittenDownEngine) -> None:
    submission = a_submission()
    engine.payloads[submission.id] = {}
    await core.services.intake.accept(submission)
    await dispatcher(core, engine).dispatch(await next_message(core))
    assert await core.services.queue.depth() == 0


async def test_while_the_engine_is_down_the_message_comes_again(
    core: Core, engine: WrittenDownEngine
) -> None:
    await core.services.intake.accept(a_submission())
    engine.fault = ServiceUnavailableError("engine")
    await dispatcher(core, engine).dispatch(await next_message(core))
    assert await core.services.queue.depth() == 1
    engine.fault = None
    core.clock.advance(seconds=120)
    await dispatcher(core, engine).dispatch(await next_message(core))
    assert list(engine.payloads) == [a_submission().id]


async def test_a_message_that_never_starts_is_put_aside_with_its_reason(
    core: Core, engine: WrittenDownEngine
) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    engine.fault = OWN_FAULT
    for _ in range(3):
        await dispatcher(core, engine).dispatch(await next_message(core))
        core.clock.advance(seconds=120)
    (dead,) = await core.services.queue.dead_letters()
    assert dead.reason == "NewerStateError"
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.DEAD_LETTERED
    assert "submission.dead-lettered.v1" in await core.events()


async def test_a_mistake_of_ours_puts_its_message_aside_in_the_end_and_keeps_what_it_said_inside(
    core: Core, engine: WrittenDownEngine, caplog: pytest.LogCaptureFixture
) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    engine.fault = ValueError("a secret")
    for pause_s in (2, 4):
        await dispatcher(core, engine).dispatch(await next_message(core))
        core.clock.advance(seconds=pause_s - 0.1)
        assert await core.services.queue.receive(max_messages=1, max_wait_s=0) == ()
        core.clock.advance(seconds=0.2)
    await dispatcher(core, engine).dispatch(await next_message(core))

    (dead,) = await core.services.queue.dead_letters()
    assert dead.reason == "ValueError"
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.reason == "ValueError; see the log."
    failures = [line for line in caplog.records if vars(line)["action"] == "dispatch_failed"]
    assert len(failures) == 3
    assert all(line.exc_info for line in failures)


async def test_a_record_that_is_no_record_is_put_aside_at_once(
    core: Core, engine: WrittenDownEngine
) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    name = f"submissions/{submission.id}/submission.json"
    await core.services.blobs.put(name, b"{damaged")
    await dispatcher(core, engine).dispatch(await next_message(core))
    (dead,) = await core.services.queue.dead_letters()
    assert name in dead.description


async def test_a_submission_that_was_never_started_can_be_resubmitted(
    core: Core, engine: WrittenDownEngine
) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    engine.fault = OWN_FAULT
    await dispatcher(core, engine, deliveries=1).dispatch(await next_message(core))
    engine.fault = None
    services = core.services
    assert await resubmit(services.index, services.queue, core.clock, submission.id)
    await dispatcher(core, engine).dispatch(await next_message(core))
    assert list(engine.payloads) == [submission.id]


async def test_a_submission_whose_orchestration_failed_can_be_resubmitted(
    core: Core, engine: WrittenDownEngine
) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    await dispatcher(core, engine).dispatch(await next_message(core))
    engine.states[submission.id] = InstanceState.FAILED
    request = to_payload(steps.DeadLetterRequest(submission_id=submission.id, reason="Broken."))
    await core.activities.dead_letter(request)
    services = core.services
    assert await resubmit(services.index, services.queue, core.clock, submission.id)
    engine.payloads[submission.id] = {"of": "the failed run"}
    await dispatcher(core, engine).dispatch(await next_message(core))
    assert engine.payloads[submission.id]["submission_id"] == submission.id


async def test_what_was_not_given_up_cannot_be_resubmitted(core: Core) -> None:
    services = core.services
    assert not await resubmit(services.index, services.queue, core.clock, "mail-none")


async def test_what_the_queue_put_aside_by_itself_is_seen_and_can_be_resubmitted(
    core: Core, engine: WrittenDownEngine
) -> None:
    submission, services = a_submission(), core.services
    await services.intake.accept(submission)
    message = await next_message(core)
    reason = "MaxDeliveryCountExceeded"
    await services.queue.dead_letter(message, reason=reason, description="Too often.")

    (entry,) = await given_up(services.index, services.queue)
    assert (entry.submission_id, entry.reason) == (submission.id, "Too often.")
    assert await resubmit(services.index, services.queue, core.clock, submission.id)

    await dispatcher(core, engine).dispatch(await next_message(core))
    assert list(engine.payloads) == [submission.id]
    assert await given_up(services.index, services.queue) == []


@pytest.fixture
def handler(core: Core, engine: WrittenDownEngine) -> DescribedHandler:
    return DescribedHandler(engine=engine, index=core.services.index, desk=core.desk)


async def described(core: Core, handler: DescribedHandler) -> bool:
    result = MediaDescribed(job_id=f"{a_submission().id}:1", status="unreadable", reason="Broken.")
    return await handler.on_event(media_described(result, core.clock.now(), taken_at=0))


async def test_a_description_wakes_the_instance_that_waits(
    core: Core, engine: WrittenDownEngine, handler: DescribedHandler
) -> None:
    engine.states[f"{a_submission().id}:1"] = InstanceState.RUNNING
    assert await described(core, handler)
    assert engine.raised == [f"{a_submission().id}:1"]


async def test_a_description_that_comes_before_its_instance_is_redelivered(
    core: Core, engine: WrittenDownEngine, handler: DescribedHandler
) -> None:
    assert not await described(core, handler)
    assert engine.raised == []


async def test_a_description_that_comes_after_the_answer_goes_to_the_desk(
    core: Core, engine: WrittenDownEngine, handler: DescribedHandler
) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    engine.states[f"{submission.id}:1"] = InstanceState.COMPLETED
    assert not await described(core, handler)
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    await core.services.index.put(replace(entry, state=SubmissionState.DONE))
    assert await described(core, handler)
