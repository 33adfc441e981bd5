"""The hub's file: instances with what they have still to hear, and their histories.

Who is at which work item is not kept: a hub that was restarted hands out everything again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import durabletask.internal.orchestrator_service_pb2 as pb

from adapters.local.durable.open_work import open_work
from tests.fakes.scheduler.instance import ENDED, Instance, Parent
from tests.fakes.sqlite_file import SqliteFile

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hub (began TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS instance (
    id TEXT PRIMARY KEY, status INTEGER NOT NULL, created_us INTEGER NOT NULL,
    parent TEXT, parent_task INTEGER, state BLOB NOT NULL, trace BLOB NOT NULL,
    inbox BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS instance_parent ON instance (parent);
CREATE INDEX IF NOT EXISTS instance_status ON instance (status);
CREATE TABLE IF NOT EXISTS history (
    instance TEXT, first INTEGER, events BLOB NOT NULL, PRIMARY KEY (instance, first)
) WITHOUT ROWID;
"""
_FAMILY = """
WITH RECURSIVE family (id) AS (
    VALUES (?) UNION SELECT i.id FROM instance AS i JOIN family AS f ON i.parent = f.id
)
SELECT id FROM family
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which instances are asked for: the empty values ask for all. `after` is the last one of the
    page before: when it was created, and its ID.
    """

    statuses: Collection[int] = ()
    prefix: str = ""
    created_from_us: int = 0
    created_until_us: int = 2**63 - 1
    after: tuple[int, str] = (0, "")
    most: int = 100


class Store(SqliteFile):
    """The tables."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(_SCHEMA, path)

    def began(self) -> datetime:
        """When the hub was started for the first time."""
        row = self._db.execute("SELECT began FROM hub").fetchone()
        if row is None:
            row = (datetime.now(UTC).isoformat(),)
            self._db.execute("INSERT INTO hub VALUES (?)", row)
        return datetime.fromisoformat(row[0])

    def save(self, instance: Instance) -> None:
        """Write an instance, and what its history has gained. `stored` is 0 for a new execution."""
        state, parent = instance.state, instance.parent
        if instance.stored == 0:
            self._db.execute("DELETE FROM history WHERE instance = ?", (instance.id,))
        if len(instance.history) > instance.stored:
            self._db.execute(
                "INSERT INTO history VALUES (?, ?, ?)",
                (instance.id, instance.stored, _chunk(instance.history[instance.stored :])),
            )
        instance.stored = len(instance.history)
        self._db.execute(
            "INSERT OR REPLACE INTO instance VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                instance.id,
                state.orchestrationStatus,
                state.createdTimestamp.ToMicroseconds(),
                parent.instance_id if parent else None,
                parent.task_id if parent else None,
                state.SerializeToString(),
                instance.trace.SerializeToString(),
                _chunk(instance.inbox),
            ),
        )

    def live(self) -> list[Instance]:
        """The instances that have not ended, the earliest first."""
        marks = ", ".join("?" * len(ENDED))
        rows = self._db.execute(
            f"SELECT id FROM instance WHERE status NOT IN ({marks}) ORDER BY created_us",  # noqa: S608
            tuple(ENDED),
        ).fetchall()
        return [instance for (name,) in rows if (instance := self.load(name))]

    def load(self, instance_id: str) -> Instance | None:
        """An instance with all that it waits for; None when there is none."""
        row = self._db.execute(
            "SELECT parent, parent_task, state, trace, inbox FROM instance WHERE id = ?",
            (instance_id,),
        ).fetchone()
        if row is None:
            return None
        parent, parent_task, state, trace, inbox = row
        history, unheard = self.history(instance_id), _events(inbox)
        work = open_work((*history, *unheard))
        return Instance(
            state=pb.OrchestrationState.FromString(state),
            parent=Parent(parent, parent_task) if parent else None,
            trace=pb.OrchestrationTraceContext.FromString(trace),
            history=history,
            inbox=unheard,
            runs=work.activities,
            timers=work.timers,
            stored=len(history),
        )

    def state(self, instance_id: str) -> pb.OrchestrationState | None:
        """How an instance stands, or None when there is none."""
        row = self._db.execute("SELECT state FROM instance WHERE id = ?", (instance_id,)).fetchone()
        return pb.OrchestrationState.FromString(row[0]) if row else None

    def history(self, instance_id: str) -> list[pb.HistoryEvent]:
        """The events that the turns of an instance have heard and made."""
        chunks = self._db.execute(
            "SELECT events FROM history WHERE instance = ? ORDER BY first", (instance_id,)
        )
        return [event for (chunk,) in chunks for event in _events(chunk)]

    def family(self, instance_id: str) -> list[str]:
        """An instance and its sub-orchestrations, and theirs."""
        return [member for (member,) in self._db.execute(_FAMILY, (instance_id,))]

    def remove(self, instance_id: str) -> None:
        """Forget an instance."""
        self._db.execute("DELETE FROM instance WHERE id = ?", (instance_id,))
        self._db.execute("DELETE FROM history WHERE instance = ?", (instance_id,))

    def find(self, query: Query) -> list[tuple[tuple[int, str], pb.OrchestrationState]]:
        """A page of instances, the earliest first, each with its place for `Query.after`."""
        marks = ", ".join("?" * len(query.statuses))
        named = f"status IN ({marks})" if query.statuses else "TRUE"
        values: list[Any] = [*query.statuses, query.prefix, query.prefix]
        rows = self._db.execute(
            f"SELECT created_us, id, state FROM instance WHERE {named}"  # noqa: S608
            " AND substr(id, 1, length(?)) = ? AND created_us >= ? AND created_us < ?"
            " AND (created_us, id) > (?, ?) ORDER BY created_us, id LIMIT ?",
            (*values, query.created_from_us, query.created_until_us, *query.after, query.most),
        )
        return [
            ((created_us, name), pb.OrchestrationState.FromString(state))
            for created_us, name, state in rows
        ]


def _chunk(events: list[pb.HistoryEvent]) -> bytes:
    return pb.HistoryChunk(events=events).SerializeToString()


def _events(chunk: bytes) -> list[pb.HistoryEvent]:
    return list(pb.HistoryChunk.FromString(chunk).events)
