"""GET /v1/submissions/{id}: what a client is told of a submission; pure.

Not told: where blobs lie, who sent it, and what is wrong with a mail's syntax.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from shared.codec import to_json, to_payload
from shared.ports import SubmissionState

if TYPE_CHECKING:
    from datetime import timedelta

    from shared.model import JsonObject, Submission
    from shared.ports import IndexEntry

_FINAL = frozenset({SubmissionState.DONE, SubmissionState.DEAD_LETTERED})
_MEDIA_MEMBERS = ("number", "kind", "file_name", "media_type", "size", "sha256")
_SLOWEST_POLL_S = 60


def state_of(entry: IndexEntry | None) -> SubmissionState:
    """The state of a submission that has a record; the index may not know it yet."""
    return SubmissionState.ACCEPTED if entry is None else entry.state


def status_json(submission: Submission, entry: IndexEntry | None, outcome: bytes | None) -> bytes:
    """The answer's body. `outcome` is the JSON of the outcome, if there is one already."""
    status: JsonObject = {
        "id": submission.id,
        "state": state_of(entry),
        "received_at": submission.received_at,
        "source": submission.source,
        "reference": submission.reference,
        "subject": submission.subject,
        "media": [
            {name: to_payload(item)[name] for name in _MEDIA_MEMBERS} for item in submission.media
        ],
        "left_out": submission.left_out,
        "linked": submission.linked,
    }
    if entry is not None and entry.reason:
        status["reason"] = entry.reason
    if outcome is not None:
        status["outcome"] = msgspec.Raw(outcome)
    return to_json(status)


def etag(body: bytes) -> str:
    """A strong validator of an answer (RFC 9110 section 8.8.3)."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Whether the client has this answer already (RFC 9110 section 13.1.2)."""
    candidates = (candidate.strip() for candidate in if_none_match.split(","))
    return any(candidate in ("*", tag, f"W/{tag}") for candidate in candidates)


def retry_after_s(state: SubmissionState, age: timedelta) -> int | None:
    """When it is worth asking again: soon at first, less often as it takes longer; None: never."""
    if state in _FINAL:
        return None
    return int(max(1, min(_SLOWEST_POLL_S, age.total_seconds() / 5)))
