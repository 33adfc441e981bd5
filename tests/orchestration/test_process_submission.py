"""The orchestrators on the real engine, with the core's own activities over local adapters."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from shared import steps
from shared.codec import to_json, to_payload
from shared.described import DescribedHandler
from shared.dispatch import Dispatcher
from shared.errors import ServiceUnavailableError
from shared.events import MediaDescribed, media_described
from shared.model import Channel, MediaStatus, OutcomeStatus, SubmissionQueued
from shared.orchestrators import ORCHESTRATORS
from shared.outcomes import Outcomes
from shared.ports import InstanceState, ReplyReceipt, ReplyState, SubmissionState
from shared.tracing import within
from tests.support.core import Core, a_submission, open_core
from tests.support.engine import ended, local_engine
from tests.support.recorded_telemetry import TRACE_ID, RecordedTelemetry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from pathlib import Path

    from adapters.local.engine import LocalEngine
    from shared.model import JsonObject, Outcome, Submission

QUICK = steps.Patience(
    escalate_after_s=0.3,
    first_retry_s=0.01,
    longest_retry_s=0.02,
    attempts=3,
    reply_delays_s=(0.05, 0.05),
)
UNHURRIED = replace(QUICK, escalate_after_s=60)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with open_core(tmp_path) as opened:
        yield opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A core with an engine under it."""

    core: Core
    engine: LocalEngine
    dispatcher: Dispatcher
    handler: DescribedHandler

    async def begin(self, submission: Submission) -> None:
        await self.core.services.intake.accept(submission)
        (message,) = await self.core.services.queue.receive(max_messages=1, max_wait_s=0)
        await self.dispatcher.dispatch(message)

    async def job(self, number: int = 1) -> str:
        """The ID of the n-th job that was started; waits for it."""
        async with asyncio.timeout(60):
            while len(self.core.jobs.started) < number:
                await asyncio.sleep(0.005)
        return self.core.jobs.started[number - 1].job_id

    async def describe(self, submission: Submission, number: int = 1) -> bool:
        blob = await self.core.describe(submission.media[number - 1], "cat")
        return await self.tell(
            MediaDescribed(
                job_id=f"{submission.id}:{number}", status="described", description_blob=blob
            )
        )

    async def tell(self, described: MediaDescribed) -> bool:
        event = media_described(described, self.core.clock.now(), taken_at=0)
        return await self.handler.on_event(event)

    async def outcome(self, submission: Submission) -> Outcome:
        instance = await ended(self.engine, submission.id)
        assert instance.state is InstanceState.COMPLETED, instance.failure
        outcome = await Outcomes(blobs=self.core.services.blobs).get(submission.id)
        assert outcome is not None
        return outcome


@asynccontextmanager
async def flowing(
    core: Core,
    patience: steps.Patience = UNHURRIED,
    **changed: Callable[[JsonObject], Awaitable[JsonObject]],
) -> AsyncGenerator[Flow]:
    services = core.services
    activities = core.activities.all() | changed
    async with local_engine(services.folder / "engine.db", ORCHESTRATORS, activities) as engine:
        yield Flow(
            core=core,
            engine=engine,
            dispatcher=Dispatcher(
                blobs=services.blobs,
                queue=services.queue,
                engine=engine,
                index=services.index,
                publisher=services.publisher,
                clock=core.clock,
                patience=patience,
                telemetry=core.activities.telemetry,
            ),
            handler=DescribedHandler(engine=engine, index=services.index, desk=core.desk),
        )


async def test_a_photo_is_described_filed_and_answered(core: Core) -> None:
    submission = a_submission(subject="Our cat")
    async with flowing(core) as flow:
        await flow.begin(submission)
        await flow.job()
        assert await flow.describe(submission)
        outcome = await flow.outcome(submission)
    assert outcome.status is OutcomeStatus.COMPLETED
    assert outcome.reply.channel is Channel.MAIL
    assert [answer.reply_id for answer in core.replies.answers] == [submission.id]
    assert await core.events() == ["submission.accepted.v1", "submission.completed.v1"]


async def test_a_submission_without_media_is_answered_too(core: Core) -> None:
    submission = a_submission(media=0)
    async with flowing(core) as flow:
        await flow.begin(submission)
        outcome = await flow.outcome(submission)
    assert outcome.status is OutcomeStatus.NO_MEDIA
    assert len(core.replies.answers) == 1


async def test_items_are_described_in_any_order(core: Core) -> None:
    submission = a_submission(media=3)
    async with flowing(core) as flow:
        await flow.begin(submission)
        await flow.job(3)
        for number in (3, 1, 2):
            assert await flow.describe(submission, number)
        outcome = await flow.outcome(submission)
    assert [item.number for item in outcome.media] == [1, 2, 3]
    assert {item.status for item in outcome.media} == {MediaStatus.DESCRIBED}


async def test_an_unreadable_item_does_not_fail_its_submission(core: Core) -> None:
    submission = a_submission(media=2)
    async with flowing(core) as flow:
        await flow.begin(submission)
        await flow.job(2)
        await flow.describe(submission)
        broken = MediaDescribed(
            job_id=f"{submission.id}:2", status="unreadable", reason="It is cut off."
        )
        await flow.tell(broken)
        outcome = await flow.outcome(submission)
    assert outcome.status is OutcomeStatus.PARTLY
    assert outcome.media[1].reason == "It is cut off."


async def test_without_a_description_in_time_the_desk_is_asked(core: Core) -> None:
    submission = a_submission()
    async with flowing(core, QUICK) as flow:
        await flow.begin(submission)
        outcome = await flow.outcome(submission)
    assert outcome.status is OutcomeStatus.ESCALATED
    assert "media.escalated.v1" in await core.events()
    assert core.replies.notices == [f"escalated-{submission.id}:1"]
    assert len(core.replies.answers) == 1


async def test_a_description_after_the_answer_becomes_a_revision_without_a_second_answer(
    core: Core,
) -> None:
    submission = a_submission()
    async with flowing(core, QUICK) as flow:
        await flow.begin(submission)
        await flow.outcome(submission)
        assert await flow.describe(submission)
    outcome = await Outcomes(blobs=core.services.blobs).get(submission.id)
    assert outcome is not None
    assert outcome.media[0].status is MediaStatus.DESCRIBED
    assert (await core.events())[-1] == "submission.revised.v1"
    assert len(core.replies.answers) == 1


async def test_a_description_that_comes_while_the_desk_is_told_counts(core: Core) -> None:
    submission = a_submission()
    telling, told = asyncio.Event(), asyncio.Event()

    async def escalate(payload: JsonObject) -> JsonObject:
        telling.set()
        await told.wait()
        return await core.activities.escalate(payload)

    async with flowing(core, QUICK, escalate=escalate) as flow:
        await flow.begin(submission)
        async with asyncio.timeout(60):
            await telling.wait()
        assert await flow.describe(submission)
        told.set()
        outcome = await flow.outcome(submission)
    assert outcome.media[0].status is MediaStatus.DESCRIBED
    assert outcome.revision == 0


async def test_an_event_told_twice_changes_nothing(core: Core) -> None:
    submission = a_submission()
    async with flowing(core) as flow:
        await flow.begin(submission)
        await flow.job()
        assert await flow.describe(submission)
        await flow.outcome(submission)
        assert await flow.describe(submission)
    assert (await core.events()).count("submission.completed.v1") == 1
    assert "submission.revised.v1" not in await core.events()


async def test_an_event_that_comes_before_its_instance_is_not_lost(core: Core) -> None:
    submission = a_submission()
    async with flowing(core) as flow:
        assert not await flow.describe(submission)
        await flow.begin(submission)  # by now the description is in the cache
        assert (await flow.outcome(submission)).status is OutcomeStatus.COMPLETED
    assert core.jobs.started == []


async def test_a_desk_that_cannot_be_told_does_not_stop_the_work(core: Core) -> None:
    submission = a_submission()

    async def escalate(payload: JsonObject) -> JsonObject:
        del payload
        raise ServiceUnavailableError("mail server")

    async with flowing(core, QUICK, escalate=escalate) as flow:
        await flow.begin(submission)
        outcome = await flow.outcome(submission)
    assert outcome.status is OutcomeStatus.ESCALATED
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.escalated == (1,)


async def test_a_job_that_cannot_be_started_goes_to_the_desk(core: Core) -> None:
    submission = a_submission()

    async def start_description(payload: JsonObject) -> JsonObject:
        del payload
        raise ServiceUnavailableError("describer")

    async with flowing(core, start_description=start_description) as flow:
        await flow.begin(submission)
        outcome = await flow.outcome(submission)
    assert outcome.media[0].status is MediaStatus.ESCALATED


async def test_an_answer_waits_for_its_target_to_come_back(core: Core) -> None:
    submission = a_submission(media=0)
    busy = ReplyReceipt(state=ReplyState.UNAVAILABLE, reason="Busy.")
    core.replies.receipts += [busy, busy]
    async with flowing(core) as flow:
        await flow.begin(submission)
        outcome = await flow.outcome(submission)
    assert outcome.reply.at
    assert len(core.replies.answers) == 3
    assert {answer.reply_id for answer in core.replies.answers} == {submission.id}


async def test_an_answer_that_never_gets_through_is_told_and_the_submission_is_done(
    core: Core,
) -> None:
    submission = a_submission(media=0)
    core.replies.receipts += [ReplyReceipt(state=ReplyState.UNAVAILABLE, reason="Busy.")] * 3
    async with flowing(core) as flow:
        await flow.begin(submission)
        outcome = await flow.outcome(submission)
    assert outcome.reply.channel is Channel.NONE
    assert "reply.failed.v1" in await core.events()


async def test_a_step_that_fails_for_a_while_is_tried_again(core: Core) -> None:
    submission = a_submission(media=0)
    failures = iter((ServiceUnavailableError("blobs"), ServiceUnavailableError("blobs")))

    async def classify(payload: JsonObject) -> JsonObject:
        for failure in failures:
            raise failure
        return await core.activities.classify(payload)

    async with flowing(core, classify=classify) as flow:
        await flow.begin(submission)
        await flow.outcome(submission)


async def test_a_step_that_keeps_failing_puts_the_submission_aside_with_its_reason(
    core: Core,
) -> None:
    submission = a_submission(media=0)

    async def classify(payload: JsonObject) -> JsonObject:
        del payload
        raise ServiceUnavailableError("blobs", "the disk is broken")

    async with flowing(core, classify=classify) as flow:
        await flow.begin(submission)
        instance = await ended(flow.engine, submission.id)
    assert instance.state is InstanceState.FAILED
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.DEAD_LETTERED
    assert "the disk is broken" in entry.reason
    assert await core.services.intake.known(submission.id) == submission


async def test_an_answer_waits_for_no_event_service_and_the_end_for_it_to_come_back(
    core: Core,
) -> None:
    submission = a_submission()
    back = asyncio.Event()
    tried: list[JsonObject] = []

    async def publish_accepted(payload: JsonObject) -> JsonObject:
        tried.append(payload)
        if not back.is_set():
            raise ServiceUnavailableError("events")
        return await core.activities.publish_accepted(payload)

    async with flowing(core, publish_accepted=publish_accepted) as flow:
        await flow.begin(submission)
        await flow.job()
        await flow.describe(submission)
        async with asyncio.timeout(60):
            while not core.replies.answers or len(tried) < 2:
                await asyncio.sleep(0.005)
        assert await core.events() == []
        back.set()
        await flow.outcome(submission)
    assert await core.events() == ["submission.accepted.v1", "submission.completed.v1"]


async def test_what_was_untellable_for_hours_is_tried_once_more_before_the_end(
    core: Core,
) -> None:
    submission = a_submission(media=0)
    tried: list[JsonObject] = []

    async def publish_accepted(payload: JsonObject) -> JsonObject:
        tried.append(payload)
        if len(tried) <= QUICK.attempts:
            raise ServiceUnavailableError("events")
        return await core.activities.publish_accepted(payload)

    async with flowing(core, QUICK, publish_accepted=publish_accepted) as flow:
        await flow.begin(submission)
        await flow.outcome(submission)
    assert len(tried) == QUICK.attempts + 1
    assert await core.events() == ["submission.accepted.v1", "submission.completed.v1"]


async def test_a_submission_that_is_resubmitted_is_told_once(core: Core) -> None:
    submission = a_submission(media=0)
    broken = [ServiceUnavailableError("blobs")] * QUICK.attempts

    async def classify(payload: JsonObject) -> JsonObject:
        if broken:
            raise broken.pop()
        return await core.activities.classify(payload)

    async with flowing(core, QUICK, classify=classify) as flow:
        await flow.begin(submission)
        assert (await ended(flow.engine, submission.id)).state is InstanceState.FAILED
        await core.services.index.reopen(submission.id)
        await flow.dispatcher.start(to_json(SubmissionQueued(submission_id=submission.id)))
        await flow.outcome(submission)
    assert (await core.events()).count("submission.accepted.v1") == 1


async def test_starting_twice_starts_once(core: Core) -> None:
    submission = a_submission(media=0)
    async with flowing(core) as flow:
        await core.services.intake.accept(submission)
        request = to_payload(steps.ProcessSubmission(submission_id=submission.id, patience=QUICK))
        started = [
            await flow.engine.start(
                steps.PROCESS_SUBMISSION, instance_id=submission.id, payload=request
            )
            for _ in range(3)
        ]
        await flow.outcome(submission)
    assert started == [True, False, False]
    assert len(core.replies.answers) == 1


async def test_every_step_belongs_to_the_trace_that_came_with_the_queue_message(
    core: Core,
) -> None:
    telemetry = RecordedTelemetry()
    traced = replace(core, activities=replace(core.activities, telemetry=telemetry))
    traced.replies.receipts = [ReplyReceipt(state=ReplyState.REFUSED, reason="Gone.")]
    patience = replace(QUICK, escalate_after_s=0.1)
    parent = f"00-{TRACE_ID}-2222222222222222-01"
    async with flowing(traced, patience) as flow:
        with within(parent):
            await flow.begin(a_submission(media=2))
        await flow.outcome(a_submission(media=2))
    dispatched, *steps_of_it = telemetry.spans
    assert (dispatched.name, dispatched.parent) == ("dispatch_submission", parent)
    assert sorted(span.name for span in steps_of_it) == [
        *("classify", "complete", "escalate", "escalate", "publish_accepted", "reply"),
        *("report_failed_reply", "start_description", "start_description"),
    ]
    assert {span.parent for span in steps_of_it} == {dispatched.traceparent}
