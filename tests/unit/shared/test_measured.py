"""What the core counts, and how it hands the trace on."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from shared import steps
from shared.codec import from_payload, to_payload
from shared.described import DescribedHandler
from shared.dispatch import Dispatcher
from shared.errors import BlobNotFoundError
from shared.events import MediaDescribed, media_described
from shared.ids import media_instance_id
from shared.model import LeftOut, LeftOutReason, MediaStatus
from shared.ports import Instance, InstanceState
from shared.tracing import within
from tests.support.core import a_submission
from tests.support.recorded_telemetry import RecordedTelemetry

if TYPE_CHECKING:
    import sqlite3

    from shared.model import JsonObject
    from tests.support.core import Core

PARENT = "00-11111111111111111111111111111111-2222222222222222-01"


class WaitingEngine:
    """Starts what it is asked to, and has every instance waiting."""

    def __init__(self) -> None:
        self.payloads: list[JsonObject] = []

    async def start(self, orchestrator: str, *, instance_id: str, payload: JsonObject) -> bool:
        del orchestrator, instance_id
        self.payloads.append(payload)
        return True

    async def raise_event(self, instance_id: str, *, name: str, payload: JsonObject) -> bool:
        del instance_id, name, payload
        return True

    async def instance(self, instance_id: str) -> Instance | None:
        return Instance(instance_id=instance_id, state=InstanceState.RUNNING)

    async def purge(self, instance_id: str) -> None:
        del instance_id


def dispatcher(core: Core, engine: WaitingEngine, telemetry: RecordedTelemetry) -> Dispatcher:
    services = core.services
    return Dispatcher(
        blobs=services.blobs,
        queue=services.queue,
        engine=engine,
        index=services.index,
        publisher=services.publisher,
        clock=core.clock,
        patience=steps.Patience(),
        telemetry=telemetry,
    )


async def test_accepting_counts_a_submission_once_and_hands_its_trace_on(core: Core) -> None:
    telemetry = RecordedTelemetry()
    intake = replace(core.services.intake, telemetry=telemetry)
    left_out = LeftOut(
        file_name="logo.png", media_type="image/png", size=9, reason=LeftOutReason.SIGNATURE_LOGO
    )
    submission = replace(a_submission(media=2), left_out=(left_out,))
    await intake.accept(submission)
    await intake.accept(submission)

    assert telemetry.counted == [
        ("submissions_accepted", 1, {"source": "mail"}),
        ("media_accepted", 1, {"kind": "photo"}),
        ("media_accepted", 1, {"kind": "photo"}),
        ("parts_left_out", 1, {"reason": LeftOutReason.SIGNATURE_LOGO.value}),
    ]
    assert telemetry.recorded == [("submission_bytes", 2000)]
    first, again = telemetry.spans
    assert first.attributes == {"submission_id": submission.id, "first": 1}
    assert again.attributes == {"submission_id": submission.id, "first": 0}
    (message,) = await core.services.queue.receive(max_messages=2, max_wait_s=0)
    assert message.application_properties == {"traceparent": first.traceparent}


async def test_what_becomes_of_submissions_is_counted(core: Core) -> None:
    telemetry = RecordedTelemetry()
    activities = replace(core.activities, telemetry=telemetry)
    submission = a_submission(media=2)
    await core.services.intake.accept(submission)
    described, escalated = submission.media
    await core.describe(described, "cat")

    job_of = partial(media_instance_id, submission.id)
    first = steps.DescribeMedia(
        job_id=job_of(described.number), number=described.number, patience=steps.Patience()
    )
    started = from_payload(await activities.start_description(to_payload(first)), steps.Started)
    second = steps.Escalate(job_id=job_of(escalated.number), reason="Late.")
    await activities.escalate(to_payload(second))
    assert started.result is not None
    results = (
        started.result,
        steps.MediaResult(number=escalated.number, status=MediaStatus.ESCALATED, reason="Late."),
    )
    classify = steps.Classify(submission_id=submission.id, results=results)
    await activities.classify(to_payload(classify))
    reply = steps.ReplyResult(state="sent")
    complete = steps.Complete(submission_id=submission.id, reply=reply)
    await activities.complete(to_payload(complete))
    aside = steps.DeadLetterRequest(submission_id=submission.id, reason="It fails.")
    await activities.dead_letter(to_payload(aside))

    assert [(name, count) for name, count, _ in telemetry.counted] == [
        ("descriptions_from_cache", 1),
        ("media_escalated", 1),
        ("submissions_completed", 1),
        ("submissions_dead_lettered", 1),
    ]


async def test_without_a_trace_messages_and_events_carry_none(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    (message,) = await core.services.queue.receive(max_messages=1, max_wait_s=0)
    assert message.application_properties == {}
    await core.activities.publish_accepted({"submission_id": submission.id})
    assert await event_traces(core) == [None]


async def test_an_event_belongs_to_the_step_that_publishes_it_first(core: Core) -> None:
    telemetry = RecordedTelemetry()
    activities = replace(core.activities, telemetry=telemetry).all()
    submission = a_submission()
    await core.services.intake.accept(submission)
    request = steps.PublishAccepted(submission_id=submission.id, traceparent=PARENT)
    for _ in range(2):
        await activities[steps.PUBLISH_ACCEPTED](to_payload(request))
    first, _ = telemetry.spans
    assert (first.name, first.parent) == ("publish_accepted", PARENT)
    assert await event_traces(core) == [first.traceparent]


async def event_traces(core: Core) -> list[str | None]:
    def select(connection: sqlite3.Connection) -> list[str | None]:
        rows = connection.execute("SELECT event FROM events ORDER BY sequence").fetchall()
        return [json.loads(event)["traceparent"] for (event,) in rows]

    return await core.services.database.read(select)


async def test_a_queue_message_brings_its_trace_into_the_orchestration(core: Core) -> None:
    telemetry, engine = RecordedTelemetry(), WaitingEngine()
    submission = a_submission(media=1)
    with within(PARENT):
        await core.services.intake.accept(submission)
    (message,) = await core.services.queue.receive(max_messages=1, max_wait_s=0)
    await dispatcher(core, engine, telemetry).dispatch(message)

    (span,) = telemetry.spans
    assert (span.name, span.parent) == ("dispatch_submission", PARENT)
    (payload,) = engine.payloads
    assert payload["traceparent"] == span.traceparent


def test_an_instance_of_an_older_version_has_no_trace_and_is_read_all_the_same() -> None:
    payload = to_payload(steps.ProcessSubmission(submission_id="mail-a"))
    del payload["traceparent"]
    assert from_payload(payload, steps.ProcessSubmission).traceparent == ""


async def test_a_description_goes_on_with_the_trace_of_its_event(core: Core) -> None:
    telemetry = RecordedTelemetry()
    handler = DescribedHandler(
        engine=WaitingEngine(), index=core.services.index, desk=core.desk, telemetry=telemetry
    )
    described = MediaDescribed(job_id="mail-a:1", status="described", description_blob="d")
    with within(PARENT):
        event = media_described(described, core.clock.now(), taken_at=0)
    assert await handler.on_event(event)
    (span,) = telemetry.spans
    assert (span.name, span.parent) == ("take_description", PARENT)
    assert telemetry.counted == [("media_described", 1, {"status": "described"})]


async def test_an_activity_is_a_span_of_its_submission_and_an_error_is_seen(core: Core) -> None:
    telemetry = RecordedTelemetry()
    activities = replace(core.activities, telemetry=telemetry).all()
    submission = a_submission()
    await core.services.intake.accept(submission)
    request = steps.DescribeMedia(job_id=f"{submission.id}:1", number=1, traceparent=PARENT)
    await activities[steps.START_DESCRIPTION](to_payload(request))
    with pytest.raises(BlobNotFoundError):
        await activities[steps.CLASSIFY]({"submission_id": "mail-none", "results": []})

    started, classified = telemetry.spans
    assert (started.name, started.parent) == ("start_description", PARENT)
    assert started.attributes == {"job_id": f"{submission.id}:1"}
    assert core.jobs.started[0].traceparent == started.traceparent
    assert classified.failed


async def test_an_answer_tells_how_long_the_submitter_waited_for_it(core: Core) -> None:
    telemetry = RecordedTelemetry()
    activities = replace(core.activities, telemetry=telemetry)
    submission = a_submission(media=0)
    await core.services.intake.accept(submission)
    await activities.classify({"submission_id": submission.id, "results": []})
    await activities.reply({"submission_id": submission.id, "attempt": 1})
    reply = {"state": "sent", "at": "2026-11-24T10:00:00.000Z"}
    await activities.complete({"submission_id": submission.id, "reply": reply})
    waited_s = 2 * 3600 + 60.0  # from 09:59 to noon
    assert telemetry.recorded == [
        ("answer_age_seconds", waited_s),
        ("completion_age_seconds", waited_s),
    ]
