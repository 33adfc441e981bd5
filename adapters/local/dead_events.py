"""The events that no handler took in time: for people to see, and to deliver again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.local import event_rows as rows
from shared.second_chance import DeadEvent

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from adapters.local.database import Database
    from shared.ports import Clock


class LocalDeadEvents:
    """Those of the state database, for any process. event_pump.py gives events up."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._wakeup = database.wakeup(rows.TOPIC)

    async def list(self, *, limit: int = 100) -> Sequence[DeadEvent]:
        """The events that were given up, newest first."""
        found = await self._database.read(lambda connection: rows.dead(connection, limit))
        return tuple(_dead_event(stored) for stored in found)

    async def deliver_again(self, which: str) -> int:
        """Let the server deliver an event once more, or all those of a submission; how many."""
        now = self._clock.now().timestamp()

        def revive(connection: sqlite3.Connection) -> int:
            chosen = [it for it in rows.dead(connection) if _is(_dead_event(it), which)]
            for stored in chosen:
                rows.revive(connection, stored.sequence, now)
            return len(chosen)

        revived = await self._database.write(revive)
        self._wakeup.notify()
        return revived


def _dead_event(stored: rows.StoredEvent) -> DeadEvent:
    event = stored.event
    return DeadEvent(
        submission_id=event.subject.removeprefix("submissions/"),
        event_id=event.id,
        time=event.time,
        attempts=stored.attempts + 1,  # the last one ended it
    )


def _is(event: DeadEvent, which: str) -> bool:
    return which in {event.event_id, event.submission_id}
