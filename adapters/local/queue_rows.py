"""The queue table: every statement on it, each a function of a connection.

A message that is locked is one that waits until its lock ends: one column, `due_at`, says when a
message may be delivered. A message that is done stays as a row without a body, so that its ID is
known as a duplicate.

A clock that is set back makes every `due_at` lie ahead. So a message that was never delivered is
due whatever the clock says, and so is one that would wait longer than anything waits.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.events import rfc3339
from shared.ids import submission_of
from shared.ports import DeadLetter, QueuedMessage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_FORGOTTEN_AT_ONCE = 100  # with every send, so that no send ever pays for a long past
_TOO_OFTEN = "MaxDeliveryCountExceeded"  # Service Bus's word


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """How long a lock lasts, how long a message that was given back waits at most, how often one is
    delivered at most, and how long the ID of one that is done is remembered.
    """

    lock: timedelta = timedelta(seconds=60)
    longest_delay: timedelta = timedelta(minutes=10)
    max_delivery_count: int = 10
    duplicates_known_for: timedelta = timedelta(days=7)

    @property
    def longest_wait_s(self) -> float:
        """How far ahead a message that was delivered can be due."""
        return max(self.lock, self.longest_delay).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """What a receive has locked, and the IDs of those that it put aside, delivered too often."""

    messages: tuple[QueuedMessage, ...]
    put_aside: tuple[str, ...]


def insert(
    connection: sqlite3.Connection,
    message_id: str,
    body: bytes,
    properties: Mapping[str, str],
    now: float,
) -> None:
    """Add a message, unless its ID is known."""
    connection.execute(
        "INSERT OR IGNORE INTO queue (message_id, body, properties, state, enqueued_at, due_at)"
        " VALUES (?, ?, ?, 'waiting', ?, ?)",
        (message_id, body, json.dumps(dict(properties)), now, now),
    )


def forget(connection: sqlite3.Connection, before: float) -> None:
    """Forget the IDs of some messages that were done before a time."""
    connection.execute(
        "DELETE FROM queue WHERE sequence IN (SELECT sequence FROM queue"
        " WHERE state = 'done' AND finished_at < ? LIMIT ?)",
        (before, _FORGOTTEN_AT_ONCE),
    )


def lock_due(
    connection: sqlite3.Connection, rules: QueueRules, max_messages: int, now: float
) -> Locked:
    """Lock the messages that are due, the longest due first."""
    due = connection.execute(
        "SELECT sequence, message_id, body, properties, delivery_count FROM queue"
        " WHERE state = 'waiting' AND (due_at <= ? OR due_at > ? OR delivery_count = 0)"
        " ORDER BY due_at, sequence LIMIT ?",
        (now, now + rules.longest_wait_s, max_messages),
    ).fetchall()
    too_often = [row for row in due if row[4] >= rules.max_delivery_count]
    for sequence, *_ in too_often:
        _put_aside_too_often(connection, sequence, now)
    unlocked_at = now + rules.lock.total_seconds()
    return Locked(
        messages=tuple(_lock(connection, row, unlocked_at) for row in due if row not in too_often),
        put_aside=tuple(row[1] for row in too_often),
    )


def next_due(connection: sqlite3.Connection) -> float | None:
    """When the next message may be delivered, or None when there is none."""
    (due_at,) = connection.execute(
        "SELECT MIN(due_at) FROM queue WHERE state = 'waiting'"
    ).fetchone()
    return due_at


def complete(connection: sqlite3.Connection, message: QueuedMessage, now: float) -> None:
    """Mark a message done, if it is still ours."""
    connection.execute(
        "UPDATE queue SET state = 'done', finished_at = ?, body = X'', properties = '{}'"
        " WHERE message_id = ? AND lock_token = ? AND state = 'waiting'",
        (now, message.message_id, message.lock_token),
    )


def unlock(connection: sqlite3.Connection, message: QueuedMessage, due_at: float) -> None:
    """Give a message back, if it is still ours, to be delivered from `due_at` on."""
    connection.execute(
        "UPDATE queue SET due_at = ?, lock_token = ''"
        " WHERE message_id = ? AND lock_token = ? AND state = 'waiting'",
        (due_at, message.message_id, message.lock_token),
    )


def unlock_all(connection: sqlite3.Connection, now: float) -> int:
    """End every lock; how many there were."""
    return connection.execute(
        "UPDATE queue SET due_at = MIN(due_at, ?), lock_token = ''"
        " WHERE state = 'waiting' AND lock_token != ''",
        (now,),
    ).rowcount


def put_aside(
    connection: sqlite3.Connection,
    message: QueuedMessage,
    reason: str,
    description: str,
    now: float,
) -> None:
    """Make a message a dead letter, if it is still ours."""
    connection.execute(
        "UPDATE queue SET state = 'dead', finished_at = ?, reason = ?, description = ?"
        " WHERE message_id = ? AND lock_token = ? AND state = 'waiting'",
        (now, reason, description, message.message_id, message.lock_token),
    )


def dead_letters(connection: sqlite3.Connection, limit: int) -> tuple[DeadLetter, ...]:
    """The dead letters, newest first."""
    rows = connection.execute(
        "SELECT message_id, body, reason, description, enqueued_at, finished_at FROM queue"
        " WHERE state = 'dead' ORDER BY finished_at DESC, sequence DESC LIMIT ?",
        (limit,),
    )
    return tuple(
        DeadLetter(
            message_id=message_id,
            body=body,
            reason=reason,
            description=description,
            enqueued_at=_text(enqueued_at),
            dead_lettered_at=_text(dead_at),
        )
        for message_id, body, reason, description, enqueued_at, dead_at in rows
    )


def revive(connection: sqlite3.Connection, message_id: str, now: float) -> bool:
    """Make a dead letter a message again; whether there was one. The ID of one that was sent anew
    before begins with the first one's and a ``#``.
    """
    return (
        connection.execute(
            "UPDATE queue SET state = 'waiting', due_at = ?, delivery_count = 0, lock_token = '',"
            " finished_at = NULL, reason = '', description = ''"
            " WHERE state = 'dead'"
            " AND substr(message_id, 1, instr(message_id || '#', '#') - 1) = ?",
            (now, submission_of(message_id)),
        ).rowcount
        > 0
    )


def depth(connection: sqlite3.Connection) -> int:
    """How many messages wait or are locked."""
    (count,) = connection.execute("SELECT COUNT(*) FROM queue WHERE state = 'waiting'").fetchone()
    return int(count)


def _lock(
    connection: sqlite3.Connection, row: tuple[Any, ...], unlocked_at: float
) -> QueuedMessage:
    sequence, message_id, body, properties, delivery_count = row
    token = secrets.token_hex(8)
    connection.execute(
        "UPDATE queue SET delivery_count = delivery_count + 1, lock_token = ?, due_at = ?"
        " WHERE sequence = ?",
        (token, unlocked_at, sequence),
    )
    return QueuedMessage(
        message_id=message_id,
        body=body,
        delivery_count=delivery_count + 1,
        lock_token=token,
        application_properties=json.loads(properties),
    )


def _put_aside_too_often(connection: sqlite3.Connection, sequence: int, now: float) -> None:
    connection.execute(
        "UPDATE queue SET state = 'dead', finished_at = ?, reason = ?, description ="
        " 'It was delivered ' || delivery_count || ' times and never completed.'"
        " WHERE sequence = ?",
        (now, _TOO_OFTEN, sequence),
    )


def _text(moment: float) -> str:
    return rfc3339(datetime.fromtimestamp(moment, UTC))
