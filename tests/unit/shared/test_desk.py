from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared import steps
from shared.codec import to_json, to_payload
from shared.desk import BY_A_PERSON, NotReadyError, UnknownItemError
from shared.errors import UnknownSubmissionError
from shared.events import MediaDescribed
from shared.model import Category, MediaStatus, OutcomeStatus
from shared.outcomes import Outcomes
from tests.support.core import a_submission

if TYPE_CHECKING:
    from shared.model import Submission
    from tests.support.core import Core

FIRE = (Category(code="medtop:03000000", name="disaster, accident and emergency"),)
SPORT = (Category(code="medtop:15000000", name="sport"),)


async def escalated(core: Core) -> Submission:
    submission = a_submission()
    await core.services.intake.accept(submission)
    late = steps.MediaResult(number=1, status=MediaStatus.ESCALATED, reason="Late.")
    await core.activities.classify(
        to_payload(steps.Classify(submission_id=submission.id, results=(late,)))
    )
    sent = steps.ReplyResult(state="sent", at="2026-11-24T12:00:00.000Z")
    await core.activities.complete(
        to_payload(steps.Complete(submission_id=submission.id, reply=sent))
    )
    return submission


def late_event(submission: Submission, blob: str) -> MediaDescribed:
    return MediaDescribed(job_id=f"{submission.id}:1", status="described", description_blob=blob)


async def test_the_desk_sees_what_waits_for_it(core: Core) -> None:
    submission = await escalated(core)
    (entry,) = await core.desk.waiting()
    assert (entry.submission_id, entry.escalated) == (submission.id, (1,))


async def test_a_decision_is_recorded_and_published_and_sends_no_answer(core: Core) -> None:
    submission = await escalated(core)
    decision = await core.desk.decide(submission.id, 1, FIRE, answer=False)
    item = decision.outcome.media[0]
    assert (item.status, item.reason, item.categories) == (
        MediaStatus.DESCRIBED,
        BY_A_PERSON,
        FIRE,
    )
    assert decision.outcome.status is OutcomeStatus.COMPLETED
    assert (await core.events())[-1] == "submission.revised.v1"
    assert core.replies.answers == []
    assert not await core.desk.waiting()


async def test_an_answer_goes_out_under_its_own_id_when_asked_for(core: Core) -> None:
    submission = await escalated(core)
    await core.desk.decide(submission.id, 1, FIRE, answer=True)
    assert [answer.reply_id for answer in core.replies.answers] == [f"{submission.id}.r1"]


async def test_the_same_decision_again_changes_nothing(core: Core) -> None:
    submission = await escalated(core)
    await core.desk.decide(submission.id, 1, FIRE, answer=False)
    again = await core.desk.decide(submission.id, 1, FIRE, answer=False)
    assert not again.changed
    assert again.outcome.revision == 1
    assert (await core.events()).count("submission.revised.v1") == 1


async def test_another_decision_is_another_revision(core: Core) -> None:
    submission = await escalated(core)
    await core.desk.decide(submission.id, 1, FIRE, answer=False)
    decision = await core.desk.decide(submission.id, 1, SPORT, answer=False)
    assert decision.outcome.revision == 2
    assert decision.outcome.media[0].categories == SPORT


async def test_a_late_description_becomes_a_revision(core: Core) -> None:
    submission = await escalated(core)
    blob = await core.describe(submission.media[0], "cat")
    assert await core.desk.late_description(late_event(submission, blob))
    outcome = await Outcomes(blobs=core.services.blobs).get(submission.id)
    assert outcome is not None
    assert outcome.media[0].status is MediaStatus.DESCRIBED
    assert outcome.revision == 1
    assert core.replies.answers == []


async def test_a_late_description_does_not_undo_the_desks_decision(core: Core) -> None:
    submission = await escalated(core)
    await core.desk.decide(submission.id, 1, FIRE, answer=False)
    blob = await core.describe(submission.media[0], "cat")
    assert await core.desk.late_description(late_event(submission, blob))
    outcome = await Outcomes(blobs=core.services.blobs).get(submission.id)
    assert outcome is not None
    assert outcome.media[0].categories == FIRE


async def test_a_description_that_comes_while_the_answer_is_written_is_asked_for_again(
    core: Core,
) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    assert not await core.desk.late_description(late_event(submission, "a blob"))


async def test_a_late_unreadable_leaves_the_item_with_the_desk(core: Core) -> None:
    submission = await escalated(core)
    event = replace(late_event(submission, ""), status="unreadable", reason="Broken.")
    assert await core.desk.late_description(event)
    assert len(await core.desk.waiting()) == 1


async def test_a_writer_that_died_after_its_revision_is_found(core: Core) -> None:
    submission = await escalated(core)
    outcomes = Outcomes(blobs=core.services.blobs)
    outcome = await outcomes.get(submission.id)
    assert outcome is not None
    revision = replace(outcome, revision=1, reference="from the dead writer")
    await core.services.blobs.put_new(
        f"submissions/{submission.id}/revisions/1.json", to_json(revision)
    )
    decision = await core.desk.decide(submission.id, 1, FIRE, answer=False)
    assert decision.outcome.revision == 2
    assert decision.outcome.reference == "from the dead writer"


async def test_what_cannot_be_decided_is_named(core: Core) -> None:
    with pytest.raises(UnknownSubmissionError, match="mail-none"):
        await core.desk.decide("mail-none", 1, FIRE, answer=False)
    submission = await escalated(core)
    with pytest.raises(UnknownItemError, match="it has items 1 to 1"):
        await core.desk.decide(submission.id, 7, FIRE, answer=False)


async def test_a_submission_in_work_cannot_be_decided_yet(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    with pytest.raises(NotReadyError, match="still being worked on"):
        await core.desk.decide(submission.id, 1, FIRE, answer=False)
