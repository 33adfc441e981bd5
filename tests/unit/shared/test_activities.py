from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared import steps
from shared.codec import from_json, from_payload, to_json, to_payload
from shared.description import Description
from shared.errors import BlobNotFoundError, ServiceUnavailableError, StorageCorruptError
from shared.model import AnswerTo, Channel, MediaStatus, OutcomeStatus
from shared.outcomes import Outcomes
from shared.ports import ReplyReceipt, ReplyState, SubmissionState
from tests.support.core import a_submission

if TYPE_CHECKING:
    from shared.model import CloudEvent, Outcome, Submission
    from tests.support.core import Core


async def accept(core: Core, submission: Submission) -> Submission:
    await core.services.intake.accept(submission)
    return submission


def describe_input(submission: Submission) -> dict[str, object]:
    return to_payload(steps.DescribeMedia(job_id=f"{submission.id}:1", number=1))


async def classify(core: Core, submission: Submission, *results: steps.MediaResult) -> Outcome:
    request = steps.Classify(submission_id=submission.id, results=results)
    await core.activities.classify(to_payload(request))
    outcome = await Outcomes(blobs=core.services.blobs).get(submission.id)
    assert outcome is not None
    return outcome


async def reply(core: Core, submission: Submission) -> steps.ReplyResult:
    request = steps.ReplyRequest(submission_id=submission.id)
    return from_payload(await core.activities.reply(to_payload(request)), steps.ReplyResult)


async def complete(core: Core, submission: Submission, result: steps.ReplyResult) -> None:
    request = steps.Complete(submission_id=submission.id, reply=result)
    await core.activities.complete(to_payload(request))


async def test_a_description_that_is_new_becomes_a_job(core: Core) -> None:
    submission = await accept(core, a_submission())
    started = await core.activities.start_description(describe_input(submission))
    assert from_payload(started, steps.Started).result is None
    (job,), (item,) = core.jobs.started, submission.media
    assert (job.job_id, job.blob, job.sha256) == (f"{submission.id}:1", item.blob, item.sha256)


async def test_an_item_that_its_record_does_not_hold_is_damage(core: Core) -> None:
    submission = await accept(core, a_submission(media=1))
    request = steps.DescribeMedia(job_id=f"{submission.id}:2", number=2)
    with pytest.raises(StorageCorruptError, match="media item 2 is missing"):
        await core.activities.start_description(to_payload(request))


async def test_content_that_was_described_before_needs_no_job(core: Core) -> None:
    submission = await accept(core, a_submission())
    blob = await core.describe(submission.media[0], "cat")
    started = from_payload(
        await core.activities.start_description(describe_input(submission)), steps.Started
    )
    assert started.result is not None
    assert started.result.description_blob == blob
    assert core.jobs.started == []


async def test_escalating_tells_the_desk_once_however_often_it_runs(core: Core) -> None:
    submission = await accept(core, a_submission())
    request = to_payload(steps.Escalate(job_id=f"{submission.id}:1", reason="Late."))
    await core.activities.escalate(request)
    await core.activities.escalate(request)
    assert (await core.events()).count("media.escalated.v1") == 1
    assert set(core.replies.notices) == {f"escalated-{submission.id}:1"}


async def test_an_outcome_holds_descriptions_without_the_third_partys_own_answer(
    core: Core,
) -> None:
    submission = await accept(core, a_submission(subject="Rocket launch"))
    blob = await core.describe(submission.media[0], "missile")
    outcome = await classify(
        core,
        submission,
        steps.MediaResult(number=1, status=MediaStatus.DESCRIBED, description_blob=blob),
    )
    assert outcome.status is OutcomeStatus.COMPLETED
    description = outcome.media[0].description
    assert description is not None
    assert description["raw"] is None
    assert outcome.media[0].categories[0].name == "science and technology"
    assert outcome.categories[0].name == "science and technology"


async def test_a_description_that_came_after_the_deadline_counts(core: Core) -> None:
    submission = await accept(core, a_submission())
    await core.describe(submission.media[0], "cat")
    outcome = await classify(
        core, submission, steps.MediaResult(number=1, status=MediaStatus.ESCALATED, reason="Late.")
    )
    assert outcome.media[0].status is MediaStatus.DESCRIBED
    assert outcome.media[0].reason == ""


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((), OutcomeStatus.NO_MEDIA),
        ((MediaStatus.ESCALATED,), OutcomeStatus.ESCALATED),
        ((MediaStatus.UNREADABLE,), OutcomeStatus.PARTLY),
        ((MediaStatus.UNREADABLE, MediaStatus.ESCALATED), OutcomeStatus.ESCALATED),
    ],
)
async def test_the_outcome_says_how_far_the_submission_came(
    core: Core, statuses: tuple[MediaStatus, ...], expected: OutcomeStatus
) -> None:
    submission = await accept(core, a_submission(media=len(statuses)))
    results = [
        steps.MediaResult(number=n, status=status, reason="A reason.")
        for n, status in enumerate(statuses, start=1)
    ]
    assert (await classify(core, submission, *results)).status is expected


async def test_one_described_item_beside_one_that_waits_is_partly(core: Core) -> None:
    submission = await accept(core, a_submission(media=2))
    blob = await core.describe(submission.media[0])
    outcome = await classify(
        core,
        submission,
        steps.MediaResult(number=1, status=MediaStatus.DESCRIBED, description_blob=blob),
        steps.MediaResult(number=2, status=MediaStatus.ESCALATED, reason="Late."),
    )
    assert outcome.status is OutcomeStatus.PARTLY
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.escalated == (2,)


async def test_a_sender_gets_no_more_answers_than_the_days_cap(core: Core) -> None:
    states: list[str] = []
    for number in range(1, 4):
        submission = await accept(core, a_submission(number, media=0))
        await classify(core, submission)
        states.append((await reply(core, submission)).state)
    assert states == ["sent", "sent", "none"]
    core.clock.advance(days=1)
    submission = await accept(core, a_submission(4, media=0))
    await classify(core, submission)
    assert (await reply(core, submission)).state == "sent"


async def test_an_answer_that_is_tried_again_is_counted_once(core: Core) -> None:
    submission = await accept(core, a_submission(media=0))
    await classify(core, submission)
    for _ in range(5):
        assert (await reply(core, submission)).state == "sent"
    assert {answer.reply_id for answer in core.replies.answers} == {submission.id}


async def test_whoever_gets_no_answer_is_not_sent_one(core: Core) -> None:
    nobody = AnswerTo(channel=Channel.NONE, reason="mailing_list")
    submission = await accept(core, replace(a_submission(media=0), answer_to=nobody))
    await classify(core, submission)
    result = await reply(core, submission)
    assert (result.state, result.reason) == ("none", "mailing_list")
    assert core.replies.answers == []


async def test_a_webhook_is_not_capped(core: Core) -> None:
    hook = AnswerTo(channel=Channel.WEBHOOK, target="https://partner.example/hook")
    for number in range(1, 5):
        submission = await accept(core, replace(a_submission(number, media=0), answer_to=hook))
        await classify(core, submission)
        assert (await reply(core, submission)).state == "sent"


async def test_an_unreachable_target_is_a_value_with_its_wait(core: Core) -> None:
    submission = await accept(core, a_submission(media=0))
    await classify(core, submission)
    core.replies.receipts.append(
        ReplyReceipt(state=ReplyState.UNAVAILABLE, reason="Busy.", retry_after_s=90.0)
    )
    result = await reply(core, submission)
    assert (result.state, result.retry_after_s) == ("unavailable", 90.0)


async def test_completing_records_the_answer_and_tells_the_world_once(core: Core) -> None:
    submission = await accept(core, a_submission(media=0))
    await classify(core, submission)
    result = await reply(core, submission)
    await complete(core, submission, result)
    await complete(core, submission, result)
    outcome = await Outcomes(blobs=core.services.blobs).get(submission.id)
    assert outcome is not None
    assert outcome.reply.channel is Channel.MAIL
    assert outcome.reply.at == result.at
    assert (await core.events()).count("submission.completed.v1") == 1
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.DONE


class NobodyHears:
    async def publish(self, event: CloudEvent) -> None:
        raise ServiceUnavailableError(event.type)


async def test_a_submission_that_cannot_be_told_of_is_not_done_and_can_be_taken_up_again(
    core: Core,
) -> None:
    submission = await accept(core, a_submission(media=0))
    await classify(core, submission)
    result = await reply(core, submission)
    request = to_payload(steps.Complete(submission_id=submission.id, reply=result))
    with pytest.raises(ServiceUnavailableError):
        await replace(core.activities, publisher=NobodyHears()).complete(request)
    given_up = steps.DeadLetterRequest(submission_id=submission.id, reason="A step keeps failing.")
    await core.activities.dead_letter(to_payload(given_up))
    assert await core.services.index.reopen(submission.id)
    await complete(core, submission, result)
    assert (await core.events()).count("submission.completed.v1") == 1
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.DONE


async def test_an_answer_that_cannot_be_delivered_is_told_to_the_desk(core: Core) -> None:
    submission = await accept(core, a_submission(media=0))
    await classify(core, submission)
    refused = steps.ReplyResult(state="refused", reason="No such user.")
    request = to_payload(steps.Complete(submission_id=submission.id, reply=refused))
    await core.activities.report_failed_reply(request)
    assert "reply.failed.v1" in await core.events()
    assert core.replies.notices == [f"reply-failed-{submission.id}"]


async def test_the_index_says_why_an_answer_that_was_due_did_not_go_out(core: Core) -> None:
    for number, state in enumerate(("refused", "unavailable", "none", "sent"), start=1):
        submission = await accept(core, a_submission(number, media=0))
        await classify(core, submission)
        await complete(core, submission, steps.ReplyResult(state=state, reason="No such user."))
    entries = await core.services.index.list()
    reasons = {entry.submission_id[-1]: entry.reason for entry in entries}
    assert reasons == {
        "1": "It was not answered. No such user.",
        "2": "It was not answered. No such user.",
        "3": "",
        "4": "",
    }


async def test_a_dead_letter_keeps_its_record_and_is_visible(core: Core) -> None:
    submission = await accept(core, a_submission())
    request = steps.DeadLetterRequest(submission_id=submission.id, reason="The disk is broken.")
    await core.activities.dead_letter(to_payload(request))
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.DEAD_LETTERED
    assert entry.reason == "The disk is broken."
    assert await core.services.intake.known(submission.id) == submission


async def test_a_missing_record_raises_so_that_it_is_tried_again(core: Core) -> None:
    with pytest.raises(BlobNotFoundError):
        await core.activities.classify(to_payload(steps.Classify(submission_id="mail-none")))


async def test_the_desks_notice_warns_of_adult_content(core: Core) -> None:
    submission = await accept(core, a_submission(media=3))
    for item, score in zip(submission.media, (0.98, 0.02, None), strict=True):
        name = await core.describe(item)
        known = from_json(await core.services.blobs.get(name), Description, where=name)
        safe = replace(known, safety=replace(known.safety, adult=score))
        await core.services.blobs.put(name, to_json(safe))
    request = steps.Escalate(job_id=f"{submission.id}:3", reason="Late.")
    await core.activities.escalate(to_payload(request))
    (text,) = core.replies.texts
    assert "Item 1, photo1.jpg: adult 98% (!)\n" in text
    assert "Item 2, photo2.jpg: adult 2%\n" in text
    assert "Item 3," not in text
