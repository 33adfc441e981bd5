"""A queue with peek-lock in SQLite, in the words of Service Bus.

Waiting costs nothing: `receive` sleeps until something is sent, a delay or a lock ends, or another
process has committed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from adapters.local import queue_rows as rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from adapters.local.database import Database
    from shared.ports import Clock, DeadLetter, QueuedMessage

logger = logging.getLogger(__name__)


class LocalWorkQueue:
    """The queue table of the state database."""

    def __init__(
        self, database: Database, clock: Clock, rules: rows.QueueRules | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules or rows.QueueRules()
        self._wakeup = database.wakeup("queue")

    async def send(
        self,
        message_id: str,
        body: bytes,
        *,
        application_properties: Mapping[str, str] | None = None,
    ) -> None:
        """Enqueue; durable on return. A message_id that was sent before is ignored."""
        now = self._now()

        def send(connection: sqlite3.Connection) -> None:
            rows.forget(connection, now - self._rules.duplicates_known_for.total_seconds())
            rows.insert(connection, message_id, body, application_properties or {}, now)

        await self._database.write(send)
        self._wakeup.notify()

    async def receive(self, *, max_messages: int, max_wait_s: float) -> Sequence[QueuedMessage]:
        """Lock up to `max_messages`; waits at most `max_wait_s` for the first one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max_wait_s
        while True:
            seen = self._wakeup.count
            messages = await self._lock_due(max_messages)
            left = deadline - loop.time()
            if messages or left <= 0:
                return messages
            due_at = await self._database.read(rows.next_due)
            pause = left if due_at is None else min(left, max(0.0, due_at - self._now()))
            await self._wakeup.wait(seen, pause)

    async def complete(self, message: QueuedMessage) -> None:
        """The message is done. Harmless when its lock has ended."""
        now = self._now()
        await self._database.write(lambda connection: rows.complete(connection, message, now))

    async def abandon(self, message: QueuedMessage, *, delay_s: float = 0.0) -> None:
        """Give the message back, to be delivered again after `delay_s`, ten minutes at most."""
        due_at = self._now() + min(delay_s, self._rules.longest_delay.total_seconds())
        await self._database.write(lambda connection: rows.unlock(connection, message, due_at))
        self._wakeup.notify()

    async def dead_letter(self, message: QueuedMessage, *, reason: str, description: str) -> None:
        """Put the message aside, visibly."""
        now = self._now()
        await self._database.write(
            lambda connection: rows.put_aside(connection, message, reason, description, now)
        )

    async def dead_letters(self, *, limit: int = 100) -> Sequence[DeadLetter]:
        """What was put aside, newest first."""
        return await self._database.read(lambda connection: rows.dead_letters(connection, limit))

    async def resubmit(self, message_id: str) -> bool:
        """Put a dead letter back into the queue; False when there is none of that ID. What follows
        a ``#`` in an ID does not count: that marks a message which was sent anew.
        """
        now = self._now()
        found = await self._database.write(lambda it: rows.revive(it, message_id, now))
        self._wakeup.notify()
        return found

    async def depth(self) -> int:
        """How many messages wait or are locked."""
        return await self._database.read(rows.depth)

    async def unlock_all(self) -> int:
        """End every lock; how many there were.

        For the start of the one process that receives: what its killed forerunner had locked is
        delivered at once.
        """
        now = self._now()
        return await self._database.write(lambda connection: rows.unlock_all(connection, now))

    async def _lock_due(self, max_messages: int) -> tuple[QueuedMessage, ...]:
        now = self._now()
        locking = asyncio.ensure_future(
            self._database.write(lambda it: rows.lock_due(it, self._rules, max_messages, now))
        )
        try:
            locked = await asyncio.shield(locking)
        except asyncio.CancelledError:
            for message in (await locking).messages:
                await self.abandon(message)
            raise
        for message_id in locked.put_aside:
            logger.error(
                "message was delivered too often",
                extra={"action": "message_dead_lettered", "message_id": message_id},
            )
        return locked.messages

    def _now(self) -> float:
        return self._clock.now().timestamp()
