"""Instances in one SQLite file: a row for each, and what every turn added to its history.

The file belongs to one process at a time: two engines on one history would run everything twice.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from adapters.local.durable.history_rows import (
    failure_message,
    from_chunk,
    from_row,
    to_chunk,
    to_row,
)
from adapters.local.durable.history_schema import Durability, connect
from adapters.local.durable_files import sync_folder
from adapters.local.sqlite_errors import sqlite_errors_translated
from shared.errors import StorageCorruptError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from durabletask.testing.in_memory_backend import OrchestrationInstance

    from adapters.local.durable.corrected_backend import Parent
    from adapters.local.durable.history_rows import Row

_SAVE = """
INSERT INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, status = excluded.status,
    parent = excluded.parent, parent_task = excluded.parent_task, created_at = excluded.created_at,
    updated_at = excluded.updated_at, ended_at = excluded.ended_at, output = excluded.output,
    failure = excluded.failure, pending = excluded.pending
"""
_FAMILY = """
WITH RECURSIVE family (id) AS (
    VALUES (?) UNION SELECT i.id FROM instances AS i JOIN family AS f ON i.parent = f.id
)
SELECT id FROM family
"""
_STATE = "SELECT id, status, ended_at IS NOT NULL, updated_at, output, failure FROM instances"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """How an instance stands. `updated_at` is RFC 3339, `output` JSON or empty, `failure` a
    sentence or empty.
    """

    instance_id: str
    status: str  # a value of shared.ports.InstanceState
    has_ended: bool
    updated_at: str
    output: str
    failure: str


class HistoryStore:
    """Opening and every transaction raise StorageFullError, StorageCorruptError, or
    ServiceUnavailableError (another process has the file, the disk fails); opening also
    NewerStateError. Every other method belongs into a transaction.
    """

    def __init__(self, path: Path, *, durability: Durability) -> None:
        self._path = path
        self._lengths: dict[str, int] = {}  # how many events of a live instance are stored
        with sqlite_errors_translated(self._path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = connect(path, durability)
            sync_folder(path.parent)

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Commit what the block writes: all of it, durable, or after an exception nothing."""
        with sqlite_errors_translated(self._path):
            self._db.execute("BEGIN")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                    self._db.execute("ROLLBACK")
                raise

    def save(
        self, instance: OrchestrationInstance, parent: Parent | None, *, rewritten: bool
    ) -> None:
        """Write an instance and what its history has gained; `rewritten` when what is stored is of
        an earlier execution.
        """
        instance_id, stored = instance.instance_id, self._lengths.get(instance.instance_id, 0)
        if rewritten:
            self._db.execute("DELETE FROM history WHERE instance = ?", (instance_id,))
            stored = 0
        if len(instance.history) > stored:
            chunk = to_chunk(instance.history[stored:])
            self._db.execute("INSERT INTO history VALUES (?, ?, ?)", (instance_id, stored, chunk))
        self._lengths[instance_id] = len(instance.history)
        self._db.execute(_SAVE, to_row(instance, parent))

    def release(self, instance_id: str) -> None:
        """The instance has ended: it is not saved again."""
        self._lengths.pop(instance_id, None)

    def live(self) -> list[str]:
        """The IDs of the instances that have not ended, the longest untouched first."""
        rows = self._db.execute(
            "SELECT id FROM instances WHERE ended_at IS NULL ORDER BY updated_at"
        )
        return [instance_id for (instance_id,) in rows]

    def load(self, instance_id: str) -> tuple[OrchestrationInstance, Parent | None] | None:
        """An instance that has not ended, with its history; None when the store has no such one."""
        row: Row | None = self._db.execute(
            "SELECT * FROM instances WHERE id = ? AND ended_at IS NULL", (instance_id,)
        ).fetchone()
        if row is None:
            self.release(instance_id)
            return None
        chunks = self._db.execute(
            "SELECT events FROM history WHERE instance = ? ORDER BY first", (instance_id,)
        )
        try:
            history = [event for (chunk,) in chunks for event in from_chunk(chunk)]
            loaded = from_row(row, history)
        except (DecodeError, ValueError, StopIteration) as exc:
            raise StorageCorruptError(str(self._path), f"instance {instance_id}: {exc}") from exc
        self._lengths[instance_id] = len(history)
        return loaded

    def state(self, instance_id: str) -> StoredState | None:
        """How an instance stands, or None when there is none."""
        row: Row | None = self._db.execute(f"{_STATE} WHERE id = ?", (instance_id,)).fetchone()
        return _to_state(row) if row else None

    def failed(self, *, limit: int) -> list[StoredState]:
        """Instances, no sub-orchestrations, that failed; the latest first."""
        rows = self._db.execute(
            f"{_STATE} WHERE parent IS NULL AND status = 'failed' ORDER BY ended_at DESC LIMIT ?",
            (limit,),
        )
        return [_to_state(row) for row in rows]

    def untouched_since(self, moment: str, *, limit: int) -> list[StoredState]:
        """Live instances, no sub-orchestrations, to which nothing has happened since `moment`."""
        rows = self._db.execute(
            f"{_STATE} WHERE ended_at IS NULL AND parent IS NULL AND updated_at < ?"
            " ORDER BY updated_at LIMIT ?",
            (moment, limit),
        )
        return [_to_state(row) for row in rows]

    def ended_before(self, moment: str, *, limit: int) -> list[str]:
        """Instances, no sub-orchestrations, that ended before `moment`, the earliest first."""
        rows = self._db.execute(
            "SELECT id FROM instances WHERE parent IS NULL AND ended_at < ?"
            " ORDER BY ended_at LIMIT ?",
            (moment, limit),
        )
        return [instance_id for (instance_id,) in rows]

    def delete_family(self, instance_id: str) -> list[str]:
        """Delete an instance and its sub-orchestrations; the IDs of them all."""
        ids = [member for (member,) in self._db.execute(_FAMILY, (instance_id,))]
        for member in ids:
            self._db.execute("DELETE FROM history WHERE instance = ?", (member,))
            self._db.execute("DELETE FROM instances WHERE id = ?", (member,))
            self.release(member)
        return ids


def _to_state(row: Row) -> StoredState:
    instance_id, status, has_ended, updated_at, output, failure = row
    return StoredState(
        instance_id=instance_id,
        status=status,
        has_ended=bool(has_ended),
        updated_at=updated_at,
        output=output or "",
        failure=failure_message(failure),
    )


def root_instance_ids(path: Path, after: str, limit: int) -> tuple[str, ...]:
    """The IDs behind `after`, in order, of instances that no other one waits for; of a file that
    no engine has. Blocking. Raises what a transaction raises.
    """
    if not path.is_file():
        return ()
    # A connection for each page: an engine that starts meanwhile waits a moment for its lock.
    with (
        sqlite_errors_translated(path),
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db,
    ):
        db.execute("PRAGMA query_only = ON")
        rows = db.execute(
            "SELECT id FROM instances WHERE parent IS NULL AND id > ? ORDER BY id LIMIT ?",
            (after, limit),
        )
        return tuple(instance_id for (instance_id,) in rows)
