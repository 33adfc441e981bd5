"""Answers for tests: a submission, its outcome, and what was seen in its media."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.codec import to_payload
from shared.description import Caption, Description, Label, Model, VideoFacts
from shared.model import (
    AnswerTo,
    Category,
    Channel,
    JsonObject,
    Kind,
    MediaOutcome,
    MediaStatus,
    Outcome,
    OutcomeStatus,
    Submission,
    Submitter,
)
from shared.ports import Answer

MAIL = AnswerTo(
    channel=Channel.MAIL,
    target="ola@example.org",
    in_reply_to="<parent@example.org>",
    references=("<first@example.org>", "<parent@example.org>"),
    proven=True,
)


def described(
    kind: Kind = Kind.PHOTO,
    *,
    caption: str = "A photo of a boat.",
    labels: tuple[tuple[str, float], ...] = (("boat", 0.93), ("harbour", 0.414)),
    video: VideoFacts | None = None,
) -> JsonObject:
    return to_payload(
        Description(
            kind=kind,
            provider="local",
            model=Model(id="m", version="1"),
            caption=Caption(text=caption, confidence=0.9, generated="template"),
            labels=tuple(Label(name=name, confidence=c) for name, c in labels),
            video=video,
        )
    )


def photo(number: int = 1, **changes: Any) -> MediaOutcome:
    """A photo that was described."""
    item = MediaOutcome(
        number=number,
        file_name=f"IMG_{number}.jpg",
        kind=Kind.PHOTO,
        sha256=f"{number:064x}",
        status=MediaStatus.DESCRIBED,
        description=described(),
        categories=(Category(code="medtop:20000000", name="Sport"),),
    )
    return replace(item, **changes)


def answer(
    *media: MediaOutcome,
    answer_to: AnswerTo = MAIL,
    subject: str = "Boat",
    status: OutcomeStatus = OutcomeStatus.COMPLETED,
    submission_id: str = "mail-abcdefghijklmnopqrstuvwxyz",
    **outcome: Any,
) -> Answer:
    """The answer to a submission with these media."""
    received_at = "2026-11-24T12:00:00Z"
    submission = Submission(
        id=submission_id,
        source="mail",
        received_at=received_at,
        submitter=Submitter(address="ola@example.org", display_name="Ola"),
        answer_to=answer_to,
        subject=subject,
    )
    result = Outcome(
        submission_id=submission_id,
        status=status if media else OutcomeStatus.NO_MEDIA,
        received_at=received_at,
        media=media,
        **outcome,
    )
    return Answer(reply_id=submission_id, submission=submission, outcome=result)
