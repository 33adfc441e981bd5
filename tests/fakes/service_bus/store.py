"""The broker's file: messages, IDs that were there before, and the states of sessions.

Locks are not kept: whoever held one sees it as lost, as after a failover.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fakes.service_bus.messages import Message, State, parse
from tests.fakes.sqlite_file import SqliteFile

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, entity TEXT NOT NULL, raw BLOB NOT NULL,
    enqueued_ms INTEGER NOT NULL, state TEXT NOT NULL, failed INTEGER NOT NULL,
    due_ms INTEGER NOT NULL, dead_letter TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS known_id (
    entity TEXT, message_id TEXT, until_ms INTEGER, PRIMARY KEY (entity, message_id));
CREATE TABLE IF NOT EXISTS session_state (
    entity TEXT, session_id TEXT, state BLOB, PRIMARY KEY (entity, session_id));
"""


class Store(SqliteFile):
    """The tables."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(_SCHEMA, path)

    def add(self, entity: str, raw: bytes, enqueued_ms: int) -> Message:
        """A new message of an entity, with the next sequence number."""
        sections = parse(raw)
        due_ms = sections.scheduled_ms
        state = State.SCHEDULED if due_ms > enqueued_ms else State.ACTIVE
        sequence = self._db.execute(
            "INSERT INTO message (entity, raw, enqueued_ms, state, failed, due_ms, dead_letter)"
            " VALUES (?, ?, ?, ?, 0, ?, '{}')",
            (entity, raw, enqueued_ms, state, due_ms),
        ).lastrowid
        return Message(
            sequence=sequence or 0,
            raw=raw,
            sections=sections,
            enqueued_ms=enqueued_ms,
            state=state,
            due_ms=due_ms,
        )

    def save(self, entity: str, message: Message) -> None:
        """Write what has changed: also a move to another entity."""
        self._db.execute(
            "UPDATE message SET entity = ?, enqueued_ms = ?, state = ?, failed = ?,"
            " dead_letter = ? WHERE sequence = ?",
            (
                entity,
                message.enqueued_ms,
                message.state,
                message.failed_deliveries,
                json.dumps(message.dead_letter),
                message.sequence,
            ),
        )

    def remove(self, message: Message) -> None:
        """Forget a message."""
        self._db.execute("DELETE FROM message WHERE sequence = ?", (message.sequence,))

    def clear(self, entity: str) -> None:
        """Forget the messages of an entity, and their IDs."""
        self._db.execute("DELETE FROM message WHERE entity = ?", (entity,))
        self._db.execute("DELETE FROM known_id WHERE entity = ?", (entity,))

    def load(self, entity: str) -> list[Message]:
        """The messages of an entity. What was locked counts as delivered in vain."""
        rows = self._db.execute(
            "SELECT sequence, raw, enqueued_ms, state, failed, due_ms, dead_letter FROM message"
            " WHERE entity = ? ORDER BY sequence",
            (entity,),
        )
        return [
            Message(
                sequence=sequence,
                raw=raw,
                sections=parse(raw),
                enqueued_ms=enqueued_ms,
                state=State.ACTIVE if state == State.LOCKED else State(state),
                failed_deliveries=failed + (state == State.LOCKED),
                due_ms=due_ms,
                dead_letter=json.loads(dead_letter),
            )
            for sequence, raw, enqueued_ms, state, failed, due_ms, dead_letter in rows
        ]

    def is_known(self, entity: str, message_id: object, now_ms: int, until_ms: int) -> bool:
        """Whether an entity has seen a message ID; if not, it is known until then."""
        self._db.execute("DELETE FROM known_id WHERE until_ms <= ?", (now_ms,))
        added = self._db.execute(
            "INSERT OR IGNORE INTO known_id VALUES (?, ?, ?)", (entity, str(message_id), until_ms)
        )
        return added.rowcount == 0

    def session_state(self, entity: str, session_id: str) -> bytes | None:
        """What a session's holder has noted."""
        row = self._db.execute(
            "SELECT state FROM session_state WHERE entity = ? AND session_id = ?",
            (entity, session_id),
        ).fetchone()
        return row[0] if row else None

    def set_session_state(self, entity: str, session_id: str, state: bytes | None) -> None:
        """Note something for a session's next holder."""
        self._db.execute(
            "INSERT OR REPLACE INTO session_state VALUES (?, ?, ?)", (entity, session_id, state)
        )
