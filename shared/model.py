"""The wire types: what is stored, queued and sent. Frozen values of JSON primitives, encoded by
msgspec.

Readers ignore fields that they do not know; a new field has a default; a change of meaning gets a
new schema number. Times are RFC 3339 text in UTC, sizes are bytes, hashes are lower-case SHA-256
hex.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

type JsonObject = dict[str, Any]


class Kind(StrEnum):
    """What a media item is."""

    PHOTO = "photo"
    VIDEO = "video"


class Channel(StrEnum):
    """How a submitter is answered."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    NONE = "none"


class LeftOutReason(StrEnum):
    """Why a part was not taken: the closed list. `LEFT_OUT_SENTENCES` says each to a person."""

    SIGNATURE_LOGO = "signature_logo"
    TRACKING_PIXEL = "tracking_pixel"
    UNSUPPORTED_TYPE = "unsupported_type"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    DUPLICATE = "duplicate"
    TOO_MANY = "too_many"
    TOO_LARGE = "too_large"
    ENCRYPTED = "encrypted"
    CALENDAR = "calendar"
    CONTACT_CARD = "contact_card"
    CRYPTOGRAPHIC_SIGNATURE = "cryptographic_signature"
    REFUSED_ENCODING = "refused_encoding"
    PARTIAL = "partial"


LEFT_OUT_SENTENCES: dict[LeftOutReason, str] = {
    LeftOutReason.SIGNATURE_LOGO: "It looks like a logo in a signature.",
    LeftOutReason.TRACKING_PIXEL: "It is a tracking pixel, not a photo.",
    LeftOutReason.UNSUPPORTED_TYPE: "It is neither a photo nor a video that we can take.",
    LeftOutReason.EMPTY: "It is empty.",
    LeftOutReason.UNREADABLE: "It could not be read.",
    LeftOutReason.DUPLICATE: "The same file is already in this submission.",
    LeftOutReason.TOO_MANY: "There were more files than we take in one submission.",
    LeftOutReason.TOO_LARGE: "It is larger than we take.",
    LeftOutReason.ENCRYPTED: "It is encrypted, so we cannot open it.",
    LeftOutReason.CALENDAR: "It is a calendar entry.",
    LeftOutReason.CONTACT_CARD: "It is a contact card.",
    LeftOutReason.CRYPTOGRAPHIC_SIGNATURE: "It is a digital signature, not content.",
    LeftOutReason.REFUSED_ENCODING: "It is packed in an encoding that we do not open.",
    LeftOutReason.PARTIAL: "It is a fragment of a mail that was sent in pieces.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRef:
    """Where bytes lie, and which bytes they are."""

    blob: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """The verdicts of our own mail server (RFC 8601): pass, fail, none, ... or unknown."""

    spf: str = "unknown"
    dkim: str = "unknown"
    dmarc: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Who sent it. Of an HTTP submission, `display_name` is the client's name and `address` is
    empty.
    """

    address: str = ""
    display_name: str = ""
    authentication: Authentication = field(default_factory=Authentication)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTo:
    """Where the answer goes; `reason` says why when there is none, a sentence more is `detail`.
    `in_reply_to` and `references` thread a mail (RFC 5322 3.6.4).

    `proven`: our mail server found that the target's domain has sent the mail. To all others an
    answer says nothing that the mail said: it may go to somebody who never wrote to us.
    """

    channel: Channel
    target: str = ""
    reason: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    detail: str = ""
    proven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaItem:
    """One photo or video of a submission. `number` counts from 1. `media_type` is what the content
    is.
    """

    number: int
    kind: Kind
    file_name: str
    media_type: str
    declared_type: str
    size: int
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One part that was not taken, and why."""

    file_name: str
    media_type: str
    size: int
    reason: LeftOutReason


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedAttachment:
    """A file that the text links to (Mail Drop and the like). It is noted, never fetched. `size` 0:
    unknown.
    """

    file_name: str
    size: int
    host: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What was wrong with a message: the part's path, the clause that it breaks, a sentence."""

    part: str
    clause: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """``submission/1``, the record of a submission, in ``submissions/<id>/submission.json``."""

    id: str
    source: str
    received_at: str
    submitter: Submitter
    answer_to: AnswerTo
    client: str = ""  # who handed it in over HTTP, and may ask for it
    reference: str = ""
    subject: str = ""
    text: str = ""  # the first 10 kB
    media: tuple[MediaItem, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    linked: tuple[LinkedAttachment, ...] = ()
    original: BlobRef | None = None
    defects: tuple[Defect, ...] = ()
    schema: str = "submission/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionQueued:
    """``submission-queued/1``, the queue message; everything else is read from the record."""

    submission_id: str
    schema: str = "submission-queued/1"


class MediaStatus(StrEnum):
    """How the description of a media item ended."""

    DESCRIBED = "described"
    ESCALATED = "escalated"
    UNREADABLE = "unreadable"


class OutcomeStatus(StrEnum):
    """How a submission ended."""

    COMPLETED = "completed"
    PARTLY = "partly"
    ESCALATED = "escalated"
    NO_MEDIA = "no_media"


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A newsroom category: the IPTC Media Topic's code, its name, and what spoke for it. A
    suggestion.
    """

    code: str  # medtop:NN000000
    name: str
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaOutcome:
    """What became of one media item."""

    number: int
    file_name: str
    kind: Kind
    sha256: str
    status: MediaStatus
    description: JsonObject | None = None  # media-description/1 without raw
    categories: tuple[Category, ...] = ()
    reason: str = ""  # a sentence, when it is not described


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRecord:
    """How the submitter was answered, and when; `at` is empty when no answer went out."""

    channel: Channel
    at: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``submission-outcome/1``: what the submitter is told (``submissions/<id>/outcome.json``)."""

    submission_id: str
    status: OutcomeStatus
    received_at: str
    reference: str = ""
    media: tuple[MediaOutcome, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    linked: tuple[LinkedAttachment, ...] = ()
    categories: tuple[Category, ...] = ()  # of the whole submission: its media, subject and text
    reply: ReplyRecord = field(default_factory=lambda: ReplyRecord(channel=Channel.NONE))
    revision: int = 0  # counts what the desk or a late description changed afterwards
    schema: str = "submission-outcome/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """A CloudEvents 1.0 event in structured JSON (cloudevents.io); (source, id) is unique."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    data: JsonObject
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    traceparent: str | None = None  # the extension "Distributed Tracing"; null is as good as absent
