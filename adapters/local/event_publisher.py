"""Events in a durable outbox; event_pump.py hands them to whoever subscribed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.local import event_rows as rows

if TYPE_CHECKING:
    import sqlite3

    from adapters.local.database import Database
    from shared.model import CloudEvent
    from shared.ports import Clock


class LocalEventPublisher:
    """Writes events into the outbox of the state database, and forgets them after `kept_for`."""

    def __init__(
        self, database: Database, clock: Clock, *, kept_for: timedelta = timedelta(days=7)
    ) -> None:
        self._database = database
        self._clock = clock
        self._kept_for = kept_for
        self._wakeup = database.wakeup(rows.TOPIC)

    async def publish(self, event: CloudEvent) -> None:
        """Publish; durable on return. The same (source, id) again is ignored."""
        now = self._clock.now().timestamp()

        def publish(connection: sqlite3.Connection) -> None:
            rows.forget(connection, now - self._kept_for.total_seconds())
            rows.insert(connection, event, now)

        await self._database.write(publish)
        self._wakeup.notify()
