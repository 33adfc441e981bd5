"""What the desk does after the answer went out: decide about an item, or receive a late
description.

Either is recorded as a revision of the outcome and published; it sends no second answer unless
asked.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import events
from shared.codec import from_json
from shared.conclude import with_description
from shared.description import Description
from shared.errors import IngestError, UnknownSubmissionError
from shared.ids import reply_id, split_media_instance_id
from shared.indexing import refile
from shared.intake import record_name
from shared.model import Category, MediaStatus, Submission
from shared.outcomes import Outcomes
from shared.ports import Answer, IndexEntry, ReplyReceipt, SubmissionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.classify import Classifier
    from shared.events import MediaDescribed
    from shared.model import MediaOutcome, Outcome
    from shared.ports import (
        BlobStore,
        Clock,
        EventPublisher,
        ReplyChannel,
        SubmissionIndex,
    )

logger = logging.getLogger(__name__)

BY_A_PERSON = "A person at the desk looked at it."


class NotReadyError(IngestError):
    """The submission has no outcome yet, so there is nothing to decide."""

    def __init__(self, submission_id: str) -> None:
        super().__init__(f"{submission_id} is still being worked on. Try again when it is done.")
        self.submission_id = submission_id


class UnknownItemError(IngestError):
    """The submission has no media item of this number."""

    def __init__(self, submission_id: str, number: int, count: int) -> None:
        has = f"it has items 1 to {count}" if count else "it has no media"
        super().__init__(f"{submission_id} has no media item {number}: {has}.")
        self.submission_id = submission_id
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a decision led to: the newest outcome, whether it changed, the second answer if asked
    for.
    """

    outcome: Outcome
    changed: bool
    receipt: ReplyReceipt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The newsroom people's side of a submission."""

    blobs: BlobStore
    index: SubmissionIndex
    publisher: EventPublisher
    replies: ReplyChannel
    clock: Clock
    classifier: Classifier

    async def waiting(
        self, *, category: str | None = None, limit: int = 100
    ) -> Sequence[IndexEntry]:
        """The submissions with items that wait for the desk, newest first: all, or those that are
        filed under the category of this code.
        """
        return await self.index.list(escalated_only=True, category=category, limit=limit)

    async def decide(
        self, submission_id: str, number: int, categories: tuple[Category, ...], *, answer: bool
    ) -> Decision:
        """File one item under the desk's categories; the same decision again changes nothing.

        Raises UnknownSubmissionError, UnknownItemError, NotReadyError.
        """
        submission = await self._submission(submission_id)
        if not any(item.number == number for item in submission.media):
            raise UnknownItemError(submission_id, number, len(submission.media))

        def filed(item: MediaOutcome) -> MediaOutcome:
            return replace(
                item, status=MediaStatus.DESCRIBED, reason=BY_A_PERSON, categories=categories
            )

        changed = await self._revise(submission, number, filed)
        outcome = changed or await Outcomes(blobs=self.blobs).get(submission_id)
        if outcome is None:
            raise NotReadyError(submission_id)
        receipt = await self._answer(submission, outcome) if answer else None
        return Decision(outcome=outcome, changed=changed is not None, receipt=receipt)

    async def late_description(self, described: MediaDescribed) -> bool:
        """Take a description that came after the desk was asked; False while there is no outcome
        yet.
        """
        submission_id, number = split_media_instance_id(described.job_id)
        entry = await self.index.get(submission_id)
        if entry is not None and entry.state is SubmissionState.DEAD_LETTERED:
            return True  # the description stays in its cache for when the submission is taken up
        if entry is None or entry.state is not SubmissionState.DONE:
            return False
        if described.status != MediaStatus.DESCRIBED.value:
            return True  # the item stays with the desk
        submission = await self._submission(submission_id)
        name = described.description_blob
        description = from_json(await self.blobs.get(name), Description, where=name)

        def seen(item: MediaOutcome) -> MediaOutcome:
            if item.status is not MediaStatus.ESCALATED:
                return item  # the desk was faster
            return with_description(item, description, submission, self.classifier)

        await self._revise(submission, number, seen)
        return True

    async def _revise(
        self, submission: Submission, number: int, change: Callable[[MediaOutcome], MediaOutcome]
    ) -> Outcome | None:
        entry = await self.index.get(submission.id)
        if entry is None or entry.state is not SubmissionState.DONE:
            raise NotReadyError(submission.id)
        outcomes = Outcomes(blobs=self.blobs)
        changed = await outcomes.revise(
            submission.id, lambda outcome: _with_item(outcome, number, change)
        )
        outcome = changed or await outcomes.get(submission.id)
        if outcome is None:
            raise NotReadyError(submission.id)
        if outcome.revision:
            # Done again when nothing changed: an earlier run may have died before it.
            await refile(self.index, outcomes, entry)
            await self.publisher.publish(events.revised(outcome, self.clock.now()))
        if changed is not None:
            logger.info(
                "outcome revised",
                extra={
                    "action": "outcome_revised",
                    "submission_id": submission.id,
                    "number": number,
                    "revision": changed.revision,
                },
            )
        return changed

    async def _answer(self, submission: Submission, outcome: Outcome) -> ReplyReceipt:
        return await self.replies.send(
            Answer(
                reply_id=reply_id(submission.id, outcome.revision),
                submission=submission,
                outcome=outcome,
            )
        )

    async def _submission(self, submission_id: str) -> Submission:
        name = record_name(submission_id)
        if not await self.blobs.exists(name):
            raise UnknownSubmissionError(submission_id)
        return from_json(await self.blobs.get(name), Submission, where=name)


def _with_item(
    outcome: Outcome, number: int, change: Callable[[MediaOutcome], MediaOutcome]
) -> Outcome:
    media = tuple(change(item) if item.number == number else item for item in outcome.media)
    left = _codes(item for item in outcome.media if item.number == number) - _codes(media)
    by_code = {each.code: each for each in outcome.categories if each.code not in left}
    by_code |= {category.code: category for item in media for category in item.categories}
    return replace(outcome, media=media, categories=tuple(by_code.values()))


def _codes(media: Iterable[MediaOutcome]) -> set[str]:
    return {category.code for item in media for category in item.categories}
