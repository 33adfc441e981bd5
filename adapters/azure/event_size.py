"""Events that are larger than a service takes: they name the blob instead of carrying it.

Only an outcome can be so large (hundreds of descriptions); it lies in the blob store anyway.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.codec import to_json
from shared.intake import outcome_name

if TYPE_CHECKING:
    from shared.model import CloudEvent


def fitted(event: CloudEvent, most_bytes: int) -> CloudEvent:
    """The event, or one with the same ID whose data says where the outcome lies:
    ``{submission_id, status, revision, blob}``.
    """
    if len(to_json(event)) <= most_bytes:
        return event
    submission_id = event.subject.rpartition("/")[2]
    slim = {
        "submission_id": submission_id,
        "status": event.data.get("status", ""),
        "revision": event.data.get("revision", 0),
        "blob": outcome_name(submission_id),
    }
    return replace(event, data=slim)
