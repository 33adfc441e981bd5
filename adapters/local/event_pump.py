"""Hands published events to the handlers that subscribed, again and again until they take them,
and forgets those that nobody waits for any longer.

At least once: a handler must not mind to see an event twice. An event that comes before what it is
for exists is refused by its handler and comes again, soon at first and then ever less often.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.local import event_rows as rows
from shared.errors import ServiceUnavailableError, StorageFullError

if TYPE_CHECKING:
    from adapters.local.database import Database
    from shared.model import CloudEvent
    from shared.ports import Clock

logger = logging.getLogger(__name__)

type Handler = Callable[[CloudEvent], Awaitable[bool]]
"""Takes an event; False when it is to come again later."""

_AT_ONCE = 32
_FORGOTTEN_AT_ONCE = 100  # so that no event ever waits for a long past
_PAUSE_AFTER_FAULT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRules:
    """When a refused event comes again, for how long, how long a handler may take, and for how long
    a delivered event, or one that has no handler, is kept.

    An event is given up when it is old and was tried often: a clock that is set ahead makes all of
    them old at once.
    """

    first_pause: timedelta = timedelta(seconds=0.2)  # doubles with every attempt
    longest_pause: timedelta = timedelta(seconds=60)
    given_up_after: timedelta = timedelta(hours=24)
    least_attempts: int = 60  # take the better part of an hour
    handler_time: timedelta = timedelta(seconds=60)
    kept_for: timedelta = timedelta(days=7)

    def gives_up(self, attempts: int, age_s: float) -> bool:
        """Whether `attempts` failed ones are enough for an event of that age."""
        return attempts >= self.least_attempts and age_s >= self.given_up_after.total_seconds()

    def pause_s(self, attempts: int) -> float:
        """Seconds to wait after `attempts` failed attempts (from 1)."""
        doubled = self.first_pause.total_seconds() * 2 ** min(attempts - 1, 30)
        return min(doubled, self.longest_pause.total_seconds())


class EventPump:
    """Delivers events of the state database. One process runs it."""

    def __init__(
        self, database: Database, clock: Clock, rules: DeliveryRules | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules or DeliveryRules()
        self._wakeup = database.wakeup(rows.TOPIC)
        self._handlers: dict[str, Handler] = {}

    def subscribe(self, event_type: str, handler: Handler) -> None:
        """Let `handler` take the events of a type; each type has one."""
        if event_type in self._handlers:
            raise ValueError(f"{event_type} has a handler already")
        self._handlers[event_type] = handler

    async def run(self) -> None:
        """Deliver until cancelled. A fault of the database is logged and waited out."""
        while True:
            try:
                seen = self._wakeup.count
                found = await self.deliver_due()
                await self.forget_old()
                if found < _AT_ONCE:
                    await self._wakeup.wait(seen, await self._pause_s())
            except* (StorageFullError, ServiceUnavailableError):
                logger.exception("events wait", extra={"action": "event_pump_waits"})
                await asyncio.sleep(_PAUSE_AFTER_FAULT_S)

    async def deliver_due(self) -> int:
        """Hand out what is due now, once; how many events that were."""
        now, types = self._now(), tuple(self._handlers)
        longest_s = self._rules.longest_pause.total_seconds()
        due = await self._database.read(lambda it: rows.due(it, types, _AT_ONCE, now, longest_s))
        async with asyncio.TaskGroup() as group:
            for pending in due:
                group.create_task(self._deliver(pending))
        return len(due)

    async def forget_old(self) -> None:
        """Forget some events that were kept for long enough. The pump does it because it knows who
        subscribed: what a handler has not had yet is never too old, however long we stood still.
        """
        before, types = self._now() - self._rules.kept_for.total_seconds(), tuple(self._handlers)
        done = await self._database.read(
            lambda it: rows.done(it, types, _FORGOTTEN_AT_ONCE, before)
        )
        if done:
            await self._database.write(lambda it: rows.forget(it, done))

    async def _deliver(self, pending: rows.StoredEvent) -> None:
        taken = await self._taken(pending.event)
        now, sequence, attempts = self._now(), pending.sequence, pending.attempts + 1
        if taken:
            await self._database.write(lambda it: rows.delivered(it, sequence))
        elif self._rules.gives_up(attempts, now - pending.published_at):
            await self._database.write(lambda it: rows.give_up(it, sequence))
            logger.error("event given up", extra=_facts("event_given_up", pending.event))
        else:
            due_at = now + self._rules.pause_s(attempts)
            await self._database.write(lambda it: rows.postpone(it, sequence, due_at))

    async def _taken(self, event: CloudEvent) -> bool:
        """Whether the handler took it; what a handler raises is logged and means no."""
        try:
            async with asyncio.timeout(self._rules.handler_time.total_seconds()):
                return await self._handlers[event.type](event)
        except Exception:
            logger.exception("event handler failed", extra=_facts("event_handler_failed", event))
            return False

    async def _pause_s(self) -> float | None:
        types = tuple(self._handlers)
        due_at = await self._database.read(lambda connection: rows.next_due(connection, types))
        return None if due_at is None else max(0.0, due_at - self._now())

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _facts(action: str, event: CloudEvent) -> dict[str, str]:
    return {"action": action, "event_id": event.id, "event_type": event.type}
