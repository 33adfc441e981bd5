"""A durable note for each thing that must happen once: what was sent, with its receipt."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from adapters.local.database import Database
    from shared.ports import Clock

_FORGOTTEN_AT_ONCE = 100


class Ledger:
    """Notes of one `name` in the state database, forgotten after `kept_for` (None: never)."""

    def __init__(
        self, database: Database, clock: Clock, name: str, *, kept_for: timedelta | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._kept_for = kept_for

    async def get(self, key: str) -> bytes | None:
        """The note, or None."""
        return await self._database.read(lambda connection: self._get(connection, key))

    async def put(self, key: str, value: bytes) -> None:
        """Write a note, replacing an older one; durable on return."""
        await self._database.write(lambda connection: self._put(connection, key, value))

    async def put_new(self, key: str, value: bytes) -> bytes:
        """Write a note unless there is one; the note that is there afterwards."""

        def put_new(connection: sqlite3.Connection) -> bytes:
            first = self._get(connection, key)
            if first is None:
                self._put(connection, key, value)
            return value if first is None else first

        return await self._database.write(put_new)

    def _get(self, connection: sqlite3.Connection, key: str) -> bytes | None:
        found = connection.execute(
            "SELECT value FROM ledger WHERE name = ? AND key = ?", (self._name, key)
        ).fetchone()
        return None if found is None else found[0]

    def _put(self, connection: sqlite3.Connection, key: str, value: bytes) -> None:
        now = self._clock.now().timestamp()
        if self._kept_for is not None:
            connection.execute(
                "DELETE FROM ledger WHERE (name, key) IN (SELECT name, key FROM ledger"
                " WHERE name = ? AND at < ? LIMIT ?)",
                (self._name, now - self._kept_for.total_seconds(), _FORGOTTEN_AT_ONCE),
            )
        connection.execute(
            "INSERT INTO ledger (name, key, value, at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name, key) DO UPDATE SET value = excluded.value, at = excluded.at",
            (self._name, key, value, now),
        )
