"""The index of submissions, and the count of answers, in SQLite."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from shared.events import rfc3339
from shared.indexing import kept
from shared.ports import IndexEntry, SubmissionState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from adapters.local.database import Database
    from shared.ports import Clock

_RANKS = {
    SubmissionState.ACCEPTED: 0,
    SubmissionState.DESCRIBING: 1,
    SubmissionState.ANSWERING: 2,
    SubmissionState.DEAD_LETTERED: 3,  # before `done`: what is answered cannot be given up
    SubmissionState.DONE: 4,
}
_COLUMNS = (
    *("submission_id", "source", "received_at", "state", "outcome", "media", "escalated"),
    *("categories", "reason", "updated_at"),
)
_TABLES = {
    "submissions": "submissions",
    "filed": "filed JOIN submissions USING (submission_id)",
}
_SELECT = f"SELECT {', '.join(f'submissions.{name}' for name in _COLUMNS)}"
_PUT = f"""
    INSERT INTO submissions ({", ".join(_COLUMNS)}, rank)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (submission_id) DO UPDATE SET
        source = excluded.source, received_at = excluded.received_at, state = excluded.state,
        outcome = excluded.outcome, media = excluded.media, escalated = excluded.escalated,
        categories = excluded.categories, reason = excluded.reason,
        updated_at = excluded.updated_at, rank = excluded.rank
    WHERE excluded.rank >= submissions.rank"""  # noqa: S608 - our own column names
_REOPEN = """
    UPDATE submissions SET state = ?, rank = ?, reason = '', updated_at = ?
    WHERE submission_id = ? AND state = ?"""
_ANSWERS_KEPT = "-100 days"  # SQLite's date arithmetic; longer than any answer is retried


class LocalSubmissionIndex:
    """The submissions table of the state database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def put(self, entry: IndexEntry) -> None:
        """Write an entry, unless a later state is there. `updated_at` is filled in when empty."""
        row = _row(entry, entry.updated_at or self._now())
        await self._database.write(lambda connection: _put(connection, entry, row))

    async def reopen(self, submission_id: str) -> bool:
        """Take a dead-lettered submission back to accepted; False when it is none."""
        accepted, dead = SubmissionState.ACCEPTED, SubmissionState.DEAD_LETTERED
        values = (accepted, _RANKS[accepted], self._now(), submission_id, dead)
        changed = await self._database.write(lambda it: it.execute(_REOPEN, values).rowcount)
        return changed > 0

    async def get(self, submission_id: str) -> IndexEntry | None:
        """The entry, or None."""
        found = await self._select("FROM submissions WHERE submission_id = ?", (submission_id,))
        return found[0] if found else None

    async def list(
        self,
        *,
        state: SubmissionState | None = None,
        category: str | None = None,
        escalated_only: bool = False,
        after: IndexEntry | None = None,
        limit: int = 100,
    ) -> Sequence[IndexEntry]:
        """A page of entries, newest first."""
        by = "submissions" if category is None else "filed"  # whose key has the order of the page
        conditions, values = ["TRUE"], list[Any]()
        if category is not None:
            conditions.append("filed.category = ?")
            values.append(category)
        if state is not None:
            conditions.append("submissions.state = ?")
            values.append(state)
        if escalated_only:
            conditions.append("submissions.escalated != '[]'")
        if after is not None:
            conditions.append(f"({by}.received_at, {by}.submission_id) < (?, ?)")
            values += (after.received_at, after.submission_id)
        clause = f"FROM {_TABLES[by]} WHERE {' AND '.join(conditions)}"
        order = f"ORDER BY {by}.received_at DESC, {by}.submission_id DESC LIMIT ?"
        return await self._select(f"{clause} {order}", (*values, limit))

    async def take_answer(self, *, reply_id: str, recipient: str, day: str, limit: int) -> bool:
        """Count an answer to `recipient` on `day`; False when the day's `limit` is used up.

        The recipient is kept as a hash. Taking the same reply_id again gives the first verdict.
        """
        hashed = hashlib.sha256(recipient.strip().casefold().encode()).hexdigest()
        return await self._database.write(
            lambda connection: _take_answer(connection, reply_id, hashed, day, limit)
        )

    async def _select(self, clause: str, values: Sequence[Any]) -> tuple[IndexEntry, ...]:
        statement = f"{_SELECT} {clause}"
        rows = await self._database.read(lambda it: it.execute(statement, values).fetchall())
        return tuple(_entry(row) for row in rows)

    def _now(self) -> str:
        return rfc3339(self._clock.now())


def _put(connection: sqlite3.Connection, entry: IndexEntry, row: tuple[Any, ...]) -> None:
    if not connection.execute(_PUT, row).rowcount:
        return
    connection.execute("DELETE FROM filed WHERE submission_id = ?", (entry.submission_id,))
    connection.executemany(
        "INSERT INTO filed (category, received_at, submission_id) VALUES (?, ?, ?)",
        [(code, entry.received_at, entry.submission_id) for code in set(entry.categories or ())],
    )


def _take_answer(
    connection: sqlite3.Connection, reply_id: str, recipient: str, day: str, limit: int
) -> bool:
    verdict = connection.execute("SELECT granted FROM answers WHERE reply_id = ?", (reply_id,))
    first = verdict.fetchone()
    if first is not None:
        return bool(first[0])
    (taken,) = connection.execute(
        "SELECT COUNT(*) FROM answers WHERE day = ? AND recipient = ? AND granted", (day, recipient)
    ).fetchone()
    granted = taken < limit
    connection.execute("DELETE FROM answers WHERE day < date(?, ?)", (day, _ANSWERS_KEPT))
    connection.execute(
        "INSERT INTO answers (reply_id, recipient, day, granted) VALUES (?, ?, ?, ?)",
        (reply_id, recipient, day, granted),
    )
    return granted


def _row(entry: IndexEntry, updated_at: str) -> tuple[Any, ...]:
    return (
        entry.submission_id,
        entry.source,
        entry.received_at,
        entry.state,
        entry.outcome,
        entry.media,
        json.dumps(entry.escalated),
        json.dumps(entry.categories),
        kept(entry.reason),
        updated_at,
        _RANKS[entry.state],
    )


def _entry(row: Sequence[Any]) -> IndexEntry:
    columns: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    codes: list[str] | None = json.loads(columns["categories"])
    return IndexEntry(
        submission_id=columns["submission_id"],
        source=columns["source"],
        received_at=columns["received_at"],
        state=SubmissionState(columns["state"]),
        outcome=columns["outcome"],
        media=columns["media"],
        escalated=tuple(json.loads(columns["escalated"])),
        categories=None if codes is None else tuple(codes),
        reason=columns["reason"],
        updated_at=columns["updated_at"],
    )
