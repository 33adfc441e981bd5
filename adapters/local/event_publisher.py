"""Events in a durable outbox; event_pump.py hands them to whoever subscribed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.local import event_rows as rows

if TYPE_CHECKING:
    from adapters.local.database import Database
    from shared.model import CloudEvent
    from shared.ports import Clock


class LocalEventPublisher:
    """Writes events into the outbox of the state database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._wakeup = database.wakeup(rows.TOPIC)

    async def publish(self, event: CloudEvent) -> None:
        """Publish; durable on return. The same (source, id) again is ignored."""
        now = self._clock.now().timestamp()
        await self._database.write(lambda connection: rows.insert(connection, event, now))
        self._wakeup.notify()
