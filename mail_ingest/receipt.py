"""What an answer says, as plain values for the templates: what was taken, what was left out and
why. Pure. What was seen in a picture is said only where a setting asks for it.

An answer that may go to somebody who never wrote to us (`AnswerTo.proven`) counts only: it repeats
no file name, no subject, nothing that the mail said.

Everything here may come from a stranger, so each text is on one line and of a bounded length; the
templates escape it. Not here: how it looks (templates/), and the mail around it (`reply`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from mail_ingest.visible import visible
from shared.codec import from_payload
from shared.description import Description
from shared.model import LEFT_OUT_SENTENCES, Kind, MediaStatus, OutcomeStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from shared.model import JsonObject, LeftOut, LinkedAttachment, MediaOutcome
    from shared.ports import Answer

MOST_ROWS = 50  # per list; a mail of 500 attachments gets no answer of 500 lines
_MOST_LABELS = 5
_MOST_CATEGORIES = 3
_LONGEST = 120  # characters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenRow:
    """A photo or video that we have. `thumbnail` is the Content-ID of its picture, or empty."""

    name: str
    kind: str  # "Photo" or "Video, 0:12"
    thumbnail: str
    caption: str
    labels: str  # "boat (87 %), sea (76 %)"
    categories: str
    note: str  # a sentence, when it is not described


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRow:
    """Something that we do not have, and why or where it is."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """All that an answer says. The `more_*` count what the lists leave away."""

    heading: str
    opening: str
    taken: tuple[TakenRow, ...]
    more_taken: int
    left_out: tuple[NamedRow, ...]
    more_left_out: int
    linked: tuple[NamedRow, ...]
    how_to_send: bool
    suggestions: bool
    proven: bool
    submission_id: str


def receipt(
    answer: Answer, *, thumbnails: Collection[int], cid_domain: str, suggestions: bool = False
) -> Receipt:
    """The receipt of an answer; `thumbnails` are the media numbers that have a picture.
    `suggestions`: say what was seen, too.
    """
    if not answer.submission.answer_to.proven:
        return _counts(answer)
    outcome = answer.outcome
    taken = tuple(
        _taken(
            item,
            thumbnail_cid(answer.reply_id, item.number, cid_domain)
            if item.number in thumbnails
            else "",
            suggestions=suggestions,
        )
        for item in outcome.media[:MOST_ROWS]
    )
    return Receipt(
        heading=_heading(answer),
        opening=_OPENINGS[outcome.status] if not outcome.revision else _SECOND_OPENING,
        taken=taken,
        more_taken=len(outcome.media) - len(taken),
        left_out=tuple(_left_out(item) for item in outcome.left_out[:MOST_ROWS]),
        more_left_out=max(0, len(outcome.left_out) - MOST_ROWS),
        linked=tuple(_linked(item) for item in outcome.linked[:MOST_ROWS]),
        how_to_send=not outcome.media,
        suggestions=any(row.labels or row.caption or row.categories for row in taken),
        proven=True,
        submission_id=answer.submission.id,
    )


def _counts(answer: Answer) -> Receipt:
    """The receipt for a sender whom nothing proves."""
    outcome = answer.outcome
    reasons = Counter(item.reason for item in outcome.left_out)
    linked = len(outcome.linked)
    return Receipt(
        heading=_heading(answer),
        opening=_OPENINGS[outcome.status] if not outcome.revision else _SECOND_OPENING,
        taken=(),
        more_taken=0,
        left_out=tuple(
            NamedRow(name=_files(count), sentence=LEFT_OUT_SENTENCES[reason])
            for reason, count in reasons.items()
        ),
        more_left_out=0,
        linked=(NamedRow(name=_files(linked), sentence="not attached"),) if linked else (),
        how_to_send=not outcome.media,
        suggestions=False,
        proven=False,
        submission_id=answer.submission.id,
    )


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def thumbnail_cid(reply_id: str, number: int, domain: str) -> str:
    """The Content-ID of a thumbnail, without its angle brackets (RFC 2392)."""
    return f"thumbnail-{number}.{reply_id}@{domain}"


def _heading(answer: Answer) -> str:
    if not answer.outcome.media:
        return "Thank you for your mail"
    if answer.outcome.revision:
        return "We have looked at your pictures again"
    return f"Thank you, we have your {_count(answer.outcome.media)}"


_SECOND_OPENING = (
    "A person at our picture desk has looked at it. This replaces what our first answer said."
)
_OPENINGS = {
    OutcomeStatus.COMPLETED: "It arrived safely and is now with our picture desk.",
    OutcomeStatus.PARTLY: "It arrived safely and is now with our picture desk.",
    OutcomeStatus.ESCALATED: ("It arrived safely. A person at our picture desk will look at it."),
    OutcomeStatus.NO_MEDIA: (
        "We found no photo or video in it that we can take. Here is how you can send us some."
    ),
}


def _count(media: Iterable[MediaOutcome]) -> str:
    """``photo``, ``3 photos``, ``2 photos and 1 video``."""
    counts = Counter(item.kind for item in media)
    if counts.total() == 1:
        return str(next(iter(counts)))
    words = [
        f"{counts[kind]} {kind}{'s' if counts[kind] > 1 else ''}" for kind in Kind if counts[kind]
    ]
    return " and ".join(words)


def _taken(item: MediaOutcome, thumbnail: str, *, suggestions: bool) -> TakenRow:
    description = _description(item.description)
    seen = description if suggestions else None
    return TakenRow(
        name=_name(item.file_name),
        kind=_kind(item.kind, description),
        thumbnail=thumbnail,
        caption=_caption(seen),
        labels=_labels(seen),
        categories=_categories(item) if suggestions else "",
        note=_note(item),
    )


def _note(item: MediaOutcome) -> str:
    if item.status is MediaStatus.ESCALATED:
        return "A person at our picture desk will look at it."
    if item.status is MediaStatus.UNREADABLE:
        why = visible(item.reason)[:300]
        return f"We could not open it. {why}".strip()
    return ""


def _description(payload: JsonObject | None) -> Description | None:
    """The description, when there is one that this release understands."""
    try:
        return from_payload(payload, Description) if payload else None
    except msgspec.ValidationError:
        return None


def _kind(kind: Kind, description: Description | None) -> str:
    if kind is Kind.PHOTO:
        return "Photo"
    if description is None or description.video is None:
        return "Video"
    minutes, seconds = divmod(round(description.video.duration_ms / 1000), 60)
    return f"Video, {minutes}:{seconds:02}"


def _caption(description: Description | None) -> str:
    if description is None or description.caption is None:
        return ""
    if description.caption.generated == "template" and not description.caption.confidence:
        return ""  # the sentence says that nothing was recognised
    return visible(description.caption.text)[:300]


def _labels(description: Description | None) -> str:
    if description is None:
        return ""
    best = sorted(description.labels, key=lambda label: -label.confidence)[:_MOST_LABELS]
    return ", ".join(f"{visible(x.name)[:_LONGEST]} ({x.confidence:.0%})" for x in best)


def _categories(item: MediaOutcome) -> str:
    return ", ".join(visible(each.name)[:_LONGEST] for each in item.categories[:_MOST_CATEGORIES])


def _left_out(item: LeftOut) -> NamedRow:
    return NamedRow(name=_name(item.file_name), sentence=LEFT_OUT_SENTENCES[item.reason])


def _linked(item: LinkedAttachment) -> NamedRow:
    size = f", {item.size / 1e6:.1f} MB" if item.size else ""
    return NamedRow(
        name=_name(item.file_name), sentence=f"at {visible(item.host)[:_LONGEST]}{size}"
    )


def _name(file_name: str) -> str:
    name = visible(file_name)
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 20]}…{name[-19:]}"
    return name or "(no file name)"
