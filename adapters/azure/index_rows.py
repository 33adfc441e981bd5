"""A submission's rows in the index table: one that is the truth, and one for each list it is in.

Table Storage orders rows by their keys and has no other index, so each list has keys of its own, in
which the time is counted backwards: the newest comes first. All rows of a submission lie in one
partition and are changed together; a few partitions share the load.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from shared.indexing import kept
from shared.ports import IndexEntry, SubmissionState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.azure.tables import Row

PARTITIONS = tuple(f"submissions-{number}" for number in range(8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MICROSECOND = 10**18 - 1  # long after year 9999
# Of the rows of a submission. A release that writes them otherwise counts it up, and reads both; it
# stands in the primary row, which every change goes through. Where it is missing it is 1.
LAYOUT = 1
# 100 rows are changed together at most: the truth, and of the lists of time, state, desk and, twice
# each, categories both those that a submission leaves and those that it comes into.
MOST_CATEGORIES = 23


def partition_of(submission_id: str) -> str:
    """The partition that holds a submission."""
    return PARTITIONS[sha256(submission_id.encode()).digest()[0] % len(PARTITIONS)]


def truth_key(submission_id: str) -> str:
    """The key of the row that every change goes through."""
    return f"id|{submission_id}"


def list_prefix(
    *,
    state: SubmissionState | None = None,
    category: str | None = None,
    escalated_only: bool = False,
) -> str:
    """What the keys of a list begin with: of those that wait for the desk, of a category, a state,
    or both, or of all.

    The list of those that wait is short: a category and a state are looked for in it.
    """
    if escalated_only:
        return "escalated|"
    if category is None:
        return "time|" if state is None else f"state|{state}|"
    return f"category|{category}|" if state is None else f"filed|{category}|{state}|"


def place_of(entry: IndexEntry) -> str:
    """How the key goes on, in every list: the newest come first."""
    microseconds = (datetime.fromisoformat(entry.received_at) - _EPOCH) // timedelta(microseconds=1)
    return f"{_LAST_MICROSECOND - microseconds:018}|{entry.submission_id}"


def rows_of(entry: IndexEntry) -> dict[str, Row]:
    """All rows of an entry, by their keys."""
    columns = {
        "submission_id": entry.submission_id,
        "source": entry.source,
        "received_at": entry.received_at,
        "state": str(entry.state),
        "outcome": entry.outcome,
        "media": entry.media,
        "escalated": json.dumps(entry.escalated),
        "categories": json.dumps(entry.categories),
        "reason": kept(entry.reason),
        "updated_at": entry.updated_at,
    }
    partition = partition_of(entry.submission_id)
    rows: dict[str, Row] = {
        key: {"PartitionKey": partition, "RowKey": key, **columns} for key in _keys_of(entry)
    }
    primary = truth_key(entry.submission_id)
    return rows | {primary: {**rows[primary], "layout": LAYOUT}}


def entry_of(row: Mapping[str, Any]) -> IndexEntry:
    """Undo `rows_of`, from any of them. Rows of an older release have no categories."""
    codes: list[str] | None = json.loads(row.get("categories", "null"))
    return IndexEntry(
        submission_id=row["submission_id"],
        source=row["source"],
        received_at=row["received_at"],
        state=SubmissionState(row["state"]),
        outcome=row["outcome"],
        media=row["media"],
        escalated=tuple(json.loads(row["escalated"])),
        categories=None if codes is None else tuple(codes),
        reason=row["reason"],
        updated_at=row["updated_at"],
    )


def _keys_of(entry: IndexEntry) -> list[str]:
    prefixes = [list_prefix(), list_prefix(state=entry.state)]
    if entry.escalated:
        prefixes.append(list_prefix(escalated_only=True))
    for code in dict.fromkeys((entry.categories or ())[:MOST_CATEGORIES]):
        prefixes.append(list_prefix(category=code))
        prefixes.append(list_prefix(category=code, state=entry.state))
    place = place_of(entry)
    return [truth_key(entry.submission_id), *(prefix + place for prefix in prefixes)]
