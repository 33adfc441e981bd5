"""What the index says of a submission's categories, and that it ends as the newest outcome says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from shared import steps
from shared.codec import to_payload
from shared.errors import ServiceUnavailableError
from shared.model import Category, MediaStatus
from shared.ports import SubmissionState
from tests.support.core import a_submission

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.model import Submission
    from shared.ports import IndexEntry, SubmissionIndex
    from tests.support.core import Core

DISASTER, POLITICS, SPORT = "medtop:03000000", "medtop:11000000", "medtop:15000000"


def of_the_desk(code: str) -> tuple[Category, ...]:
    return (Category(code=code, name="as the desk says"),)


async def concluded(core: Core, *labels: str, subject: str = "A photo") -> Submission:
    """A submission that is done, with a photo for each label; an empty one was not described."""
    submission = a_submission(media=len(labels), subject=subject)
    await core.services.intake.accept(submission)
    results = [
        steps.MediaResult(
            number=item.number,
            status=MediaStatus.DESCRIBED if label else MediaStatus.ESCALATED,
            description_blob=await core.describe(item, label) if label else "",
        )
        for item, label in zip(submission.media, labels, strict=True)
    ]
    await core.activities.classify(
        to_payload(steps.Classify(submission_id=submission.id, results=tuple(results)))
    )
    assert await codes(core, submission) is not None, "it is filed before it is answered"
    sent = steps.ReplyResult(state="sent", at="2026-11-24T12:00:00.000Z")
    await core.activities.complete(
        to_payload(steps.Complete(submission_id=submission.id, reply=sent))
    )
    return submission


async def codes(core: Core, submission: Submission) -> tuple[str, ...] | None:
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    return entry.categories


async def listed(core: Core, code: str) -> list[str]:
    return [entry.submission_id for entry in await core.services.index.list(category=code)]


async def test_a_submission_is_filed_under_the_categories_of_words_and_media(core: Core) -> None:
    submission = await concluded(core, "lifeboat", "", subject="The football final")

    assert await codes(core, submission) == (SPORT, DISASTER)
    assert await listed(core, SPORT) == await listed(core, DISASTER) == [submission.id]
    assert await listed(core, POLITICS) == []


async def test_a_submission_that_nothing_speaks_for_is_filed_under_nothing(core: Core) -> None:
    assert await codes(core, await concluded(core, "doormat")) == ()


async def test_a_decision_of_the_desk_moves_a_submission(core: Core) -> None:
    submission = await concluded(core, "lifeboat")

    await core.desk.decide(submission.id, 1, of_the_desk(POLITICS), answer=False)
    assert await codes(core, submission) == (POLITICS,)
    assert await listed(core, DISASTER) == []
    assert await listed(core, POLITICS) == [submission.id]

    await core.desk.decide(submission.id, 1, of_the_desk(SPORT), answer=False)
    assert await codes(core, submission) == (SPORT,)


async def test_a_category_that_another_item_bears_stays(core: Core) -> None:
    submission = await concluded(core, "lifeboat", "lifeboat")

    await core.desk.decide(submission.id, 1, of_the_desk(SPORT), answer=False)

    assert await codes(core, submission) == (DISASTER, SPORT)


async def test_a_category_that_the_words_speak_for_stays_with_what_nobody_could_describe(
    core: Core,
) -> None:
    submission = await concluded(core, "", subject="The football final")

    await core.desk.decide(submission.id, 1, of_the_desk(POLITICS), answer=False)

    assert await codes(core, submission) == (SPORT, POLITICS)


async def test_what_is_given_up_stays_in_its_categories(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    blob = await core.describe(submission.media[0], "lifeboat")
    seen = steps.MediaResult(number=1, status=MediaStatus.DESCRIBED, description_blob=blob)
    await core.activities.classify(
        to_payload(steps.Classify(submission_id=submission.id, results=(seen,)))
    )
    await core.activities.dead_letter(
        to_payload(steps.DeadLetterRequest(submission_id=submission.id, reason="It broke."))
    )

    given_up = SubmissionState.DEAD_LETTERED
    (entry,) = await core.services.index.list(category=DISASTER, state=given_up)
    assert entry.submission_id == submission.id


@dataclass(frozen=True, slots=True)
class Disturbed:
    """The index, where something happens before the first entry is written."""

    index: SubmissionIndex
    disturbances: list[Callable[[], Awaitable[object]]]

    async def put(self, entry: IndexEntry) -> None:
        if self.disturbances:
            await self.disturbances.pop()()
        await self.index.put(entry)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.index, name)


async def test_a_desk_that_was_overtaken_leaves_what_the_newest_revision_says(core: Core) -> None:
    submission = await concluded(core, "", "")

    async def other_desk() -> None:
        await core.desk.decide(submission.id, 2, of_the_desk(SPORT), answer=False)

    slow: Any = Disturbed(core.services.index, [other_desk])
    desk = replace(core.desk, index=slow)
    await desk.decide(submission.id, 1, of_the_desk(POLITICS), answer=False)

    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert (entry.outcome, entry.escalated) == ("completed", ())
    assert set(entry.categories or ()) == {POLITICS, SPORT}


async def test_a_decision_whose_process_died_before_the_index_is_filed_when_it_is_repeated(
    core: Core,
) -> None:
    submission = await concluded(core, "lifeboat")

    async def die() -> None:
        raise ServiceUnavailableError("the index")

    dying: Any = Disturbed(core.services.index, [die])
    desk = replace(core.desk, index=dying)
    with pytest.raises(ServiceUnavailableError):
        await desk.decide(submission.id, 1, of_the_desk(SPORT), answer=False)
    assert await listed(core, DISASTER) == [submission.id]

    again = await core.desk.decide(submission.id, 1, of_the_desk(SPORT), answer=False)
    assert not again.changed
    assert await listed(core, DISASTER) == []
    assert await listed(core, SPORT) == [submission.id]
