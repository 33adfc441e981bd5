"""From the results of the descriptions to the outcome of a submission."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import steps
from shared.classify import Evidence, evidence_of
from shared.codec import from_json, to_payload
from shared.description import Description
from shared.intake import description_name
from shared.model import MediaOutcome, MediaStatus, Outcome, ReplyRecord
from shared.outcomes import status_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.classify import Classifier
    from shared.model import Category, MediaItem, Submission
    from shared.ports import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Puts outcomes together. `provider` is the describer's (id, version), which names
    descriptions.
    """

    blobs: BlobStore
    classifier: Classifier
    provider: tuple[str, str]

    async def outcome(
        self, submission: Submission, results: Sequence[steps.MediaResult]
    ) -> Outcome:
        """The outcome before the answer: what each item shows, and its categories."""
        by_number = {result.number: result for result in results}
        media = [await self._media(submission, i, by_number[i.number]) for i in submission.media]
        return Outcome(
            submission_id=submission.id,
            status=status_of(media),
            received_at=submission.received_at,
            reference=submission.reference,
            media=tuple(media),
            left_out=submission.left_out,
            linked=submission.linked,
            categories=self._categories(submission, media),
            reply=ReplyRecord(channel=submission.answer_to.channel),
        )

    async def _media(
        self, submission: Submission, item: MediaItem, result: steps.MediaResult
    ) -> MediaOutcome:
        """The outcome of one item; a description that came after the deadline counts."""
        if result.status is MediaStatus.ESCALATED:
            cached = description_name(item.sha256, *self.provider)
            if await self.blobs.exists(cached):
                result = described(item.number, cached)
        outcome = MediaOutcome(
            number=item.number,
            file_name=item.file_name,
            kind=item.kind,
            sha256=item.sha256,
            status=result.status,
            reason=result.reason,
        )
        if result.status is not MediaStatus.DESCRIBED:
            return outcome
        name = result.description_blob
        description = from_json(await self.blobs.get(name), Description, where=name)
        return with_description(outcome, description, submission, self.classifier)

    def _categories(
        self, submission: Submission, media: Sequence[MediaOutcome]
    ) -> tuple[Category, ...]:
        """Those that the words alone speak for, then those of the media, each once."""
        words = Evidence(subject=submission.subject, text=submission.text)
        by_code = {category.code: category for category in self.classifier.classify(words)}
        by_code |= {category.code: category for item in media for category in item.categories}
        return tuple(by_code.values())


def with_description(
    outcome: MediaOutcome, description: Description, submission: Submission, classifier: Classifier
) -> MediaOutcome:
    """The outcome of an item with its description, and the categories that follow from it."""
    evidence = evidence_of(description, subject=submission.subject, text=submission.text)
    return replace(
        outcome,
        status=MediaStatus.DESCRIBED,
        reason="",
        description=to_payload(replace(description, raw=None)),
        categories=classifier.classify(evidence),
    )


def described(number: int, blob: str) -> steps.MediaResult:
    """The result of an item whose description is in this blob."""
    return steps.MediaResult(number=number, status=MediaStatus.DESCRIBED, description_blob=blob)
