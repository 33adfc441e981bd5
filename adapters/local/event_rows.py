"""The outbox table of events: every statement on it, each a function of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.codec import from_json, to_json
from shared.model import CloudEvent

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

TOPIC = "events"
ALL = -1  # as a limit


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event that waits for its handler, or was given up. Times are seconds since 1970."""

    sequence: int
    event: CloudEvent
    published_at: float
    attempts: int


def insert(connection: sqlite3.Connection, event: CloudEvent, now: float) -> None:
    """Add an event, unless (source, id) is known. One that was given up gets another chance: what
    it tells has happened again.
    """
    connection.execute(
        "INSERT INTO events (source, id, type, event, state, published_at, due_at)"
        " VALUES (?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT (source, id) DO UPDATE SET"
        " event = excluded.event, state = 'pending', published_at = excluded.published_at,"
        " due_at = excluded.due_at, attempts = 0 WHERE state = 'dead'",
        (event.source, event.id, event.type, to_json(event), now, now),
    )


def done(
    connection: sqlite3.Connection, types: Collection[str], limit: int, before: float
) -> tuple[int, ...]:
    """The events, by their sequence, that were published before a time and that no handler is still
    to have: they were delivered, or are not of these types. What a handler has refused comes again,
    or is dead and for people to see.
    """
    found = connection.execute(
        "SELECT sequence FROM events WHERE published_at < ? AND (state = 'delivered' OR"  # noqa: S608 - placeholders
        f" state = 'pending' AND attempts = 0 AND type NOT IN ({_places(types)})) LIMIT ?",
        (before, *types, limit),
    )
    return tuple(sequence for (sequence,) in found)


def forget(connection: sqlite3.Connection, sequences: Collection[int]) -> None:
    """Remove these events."""
    connection.execute(
        f"DELETE FROM events WHERE sequence IN ({_places(sequences)})",  # noqa: S608 - placeholders
        tuple(sequences),
    )


def due(
    connection: sqlite3.Connection,
    types: Collection[str],
    limit: int,
    now: float,
    longest_pause_s: float,
) -> tuple[StoredEvent, ...]:
    """The events of these types that are to be handed out now, the longest due first. A clock that
    was set back makes `due_at` lie ahead: that holds up neither an event that was never handed out
    nor one that would pause for longer than any does.
    """
    found = connection.execute(
        f"SELECT sequence, event, published_at, attempts FROM events"  # noqa: S608 - placeholders
        f" WHERE state = 'pending' AND type IN ({_places(types)})"
        " AND (due_at <= ? OR due_at > ? OR attempts = 0) ORDER BY due_at, sequence LIMIT ?",
        (*types, now, now + longest_pause_s, limit),
    )
    return tuple(_stored(row) for row in found)


def next_due(connection: sqlite3.Connection, types: Collection[str]) -> float | None:
    """When the next event of these types is to be handed out, or None when there is none."""
    (due_at,) = connection.execute(
        f"SELECT MIN(due_at) FROM events WHERE state = 'pending' AND type IN ({_places(types)})",  # noqa: S608
        tuple(types),
    ).fetchone()
    return due_at


def delivered(connection: sqlite3.Connection, sequence: int) -> None:
    """The handler has it."""
    connection.execute("UPDATE events SET state = 'delivered' WHERE sequence = ?", (sequence,))


def postpone(connection: sqlite3.Connection, sequence: int, due_at: float) -> None:
    """The handler did not want it yet."""
    connection.execute(
        "UPDATE events SET attempts = attempts + 1, due_at = ? WHERE sequence = ?",
        (due_at, sequence),
    )


def give_up(connection: sqlite3.Connection, sequence: int) -> None:
    """The handler never wanted it; keep it where people see it."""
    connection.execute("UPDATE events SET state = 'dead' WHERE sequence = ?", (sequence,))


def dead(connection: sqlite3.Connection, limit: int = ALL) -> tuple[StoredEvent, ...]:
    """The events that were given up, newest first."""
    found = connection.execute(
        "SELECT sequence, event, published_at, attempts FROM events WHERE state = 'dead'"
        " ORDER BY sequence DESC LIMIT ?",
        (limit,),
    )
    return tuple(_stored(row) for row in found)


def revive(connection: sqlite3.Connection, sequence: int, now: float) -> None:
    """An event that was given up is to be handed out as if it were published now."""
    connection.execute(
        "UPDATE events SET state = 'pending', published_at = ?, due_at = ?, attempts = 0"
        " WHERE sequence = ?",
        (now, now, sequence),
    )


def _stored(row: tuple[Any, ...]) -> StoredEvent:
    sequence, event, published_at, attempts = row
    return StoredEvent(
        sequence=sequence,
        event=from_json(event, CloudEvent, where=f"event {sequence}"),
        published_at=published_at,
        attempts=attempts,
    )


def _places(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
