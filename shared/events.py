"""The CloudEvents that we publish: their types, their data, and how each is built.

The ID of an event is derived from what it tells, so telling it twice is seen as once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.codec import to_payload
from shared.ids import split_media_instance_id
from shared.model import CloudEvent, Outcome
from shared.tracing import current_traceparent

if TYPE_CHECKING:
    from shared.model import Submission

SOURCE = "/mail_ingest"
ACCEPTED = "org.mail-ingest.submission.accepted.v1"
DESCRIBED = "org.mail-ingest.media.described.v1"
ESCALATED = "org.mail-ingest.media.escalated.v1"
COMPLETED = "org.mail-ingest.submission.completed.v1"
REVISED = "org.mail-ingest.submission.revised.v1"
DEAD_LETTERED = "org.mail-ingest.submission.dead-lettered.v1"
REPLY_FAILED = "org.mail-ingest.reply.failed.v1"

MEDIA_DESCRIBED = "MediaDescribed"  # the external event that DESCRIBED becomes


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaDescribed:
    """The data of ``media.described``: how a description job ended. `status` is described or
    unreadable.
    """

    job_id: str
    status: str
    description_blob: str = ""  # when described
    reason: str = ""  # a sentence, when unreadable


def rfc3339(moment: datetime) -> str:
    """A time as RFC 3339 text in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def accepted(submission: Submission, now: datetime) -> CloudEvent:
    """A submission is in: durable, and its orchestration has begun."""
    return _event(
        ACCEPTED, submission.id, now, {"media": len(submission.media), "source": submission.source}
    )


def media_described(described: MediaDescribed, now: datetime, *, taken_at: float) -> CloudEvent:
    """A description job, taken at `taken_at` (seconds since 1970), has ended."""
    submission_id, _ = split_media_instance_id(described.job_id)
    key = _run_of(described.job_id, taken_at)
    return _event(DESCRIBED, submission_id, now, to_payload(described), key=key)


def media_described_id(job_id: str, taken_at: float) -> str:
    """The ID that `media_described` will have, for whoever builds that event elsewhere."""
    return _id(DESCRIBED, _run_of(job_id, taken_at))


def media_escalated(job_id: str, reason: str, now: datetime) -> CloudEvent:
    """No description came: a person must look."""
    submission_id, number = split_media_instance_id(job_id)
    return _event(ESCALATED, submission_id, now, {"number": number, "reason": reason}, key=job_id)


def completed(outcome: Outcome, now: datetime) -> CloudEvent:
    """A submission has its outcome and its answer."""
    return _event(COMPLETED, outcome.submission_id, now, to_payload(outcome))


def revised(outcome: Outcome, now: datetime) -> CloudEvent:
    """The desk, or a late description, changed an outcome."""
    key = f"{outcome.submission_id}.r{outcome.revision}"
    return _event(REVISED, outcome.submission_id, now, to_payload(outcome), key=key)


def dead_lettered(submission_id: str, reason: str, now: datetime) -> CloudEvent:
    """A submission was given up; its original and its media are kept."""
    return _event(DEAD_LETTERED, submission_id, now, {"reason": reason})


def reply_failed(reply_id: str, submission_id: str, reason: str, now: datetime) -> CloudEvent:
    """The answer could not be delivered for good."""
    return _event(REPLY_FAILED, submission_id, now, {"reason": reason}, key=reply_id)


def _event(
    type_: str, submission_id: str, now: datetime, data: dict[str, object], *, key: str = ""
) -> CloudEvent:
    return CloudEvent(
        id=_id(type_, key or submission_id),
        source=SOURCE,
        type=type_,
        subject=f"submissions/{submission_id}",
        time=rfc3339(now),
        data=data,
        traceparent=current_traceparent() or None,
    )


def _id(type_: str, key: str) -> str:
    return f"{type_.split('.', 2)[2]}:{key}"


def _run_of(job_id: str, taken_at: float) -> str:
    """A job that is taken anew after its end, because its submission was given another chance, must
    be heard anew, also when it ends as before; one that only goes on after a crash must not.
    """
    return f"{job_id}#{rfc3339(datetime.fromtimestamp(taken_at, UTC))}"
