"""The sessions of a queue: one consumer holds a session, and gets its messages in order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from tests.fakes.service_bus import errors
from tests.fakes.service_bus.alarm import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.service_bus.alarm import Alarm
    from tests.fakes.service_bus.consumer import Consumer
    from tests.fakes.service_bus.queue import QueueRules
    from tests.fakes.service_bus.store import Store

type Granted = Callable[[str, int], None]
"""Told the session that was given, and when its lock ends."""


class _Queue(Protocol):
    name: str
    rules: QueueRules

    def waiting_sessions(self) -> list[str]: ...
    def fail_session(self, session_id: str) -> None: ...
    def pump(self) -> None: ...


@dataclass(slots=True)
class _Lock:
    consumer: Consumer
    until_ms: int


class Sessions:
    """Who holds which session, and who waits for one."""

    def __init__(self, queue: _Queue, store: Store, alarm: Alarm) -> None:
        self._queue = queue
        self._store = store
        self._alarm = alarm
        self._locks: dict[str, _Lock] = {}
        self._waiting: dict[Consumer, Granted] = {}

    def take(self, session_id: str, consumer: Consumer) -> int:
        """Give a session to a consumer; when its lock ends."""
        if session_id in self._locks:
            raise errors.RefusedError(
                "com.microsoft:session-cannot-be-locked",
                "The requested session cannot be accepted. It may be locked by another receiver.",
                410,
            )
        self._locks[session_id] = _Lock(consumer, 0)
        consumer.session_id = session_id
        return self.renew(session_id)

    def take_next(self, consumer: Consumer, granted: Granted) -> None:
        """Give a consumer the next session that has messages, as soon as there is one."""
        self._waiting[consumer] = granted
        self.grant()

    def stop_waiting(self, consumer: Consumer) -> bool:
        """Whether a consumer was still waiting."""
        return self._waiting.pop(consumer, None) is not None

    def grant(self) -> None:
        """Give out the sessions that nobody holds."""
        while self._waiting and (free := self._free()):
            consumer, granted = next(iter(self._waiting.items()))
            del self._waiting[consumer]
            granted(free, self.take(free, consumer))

    def renew(self, session_id: str) -> int:
        """Renew a session's lock; when it will end."""
        lock = self._locks.get(session_id)
        if lock is None:
            raise errors.session_lock_lost()
        lock.until_ms = now_ms() + int(self._queue.rules.lock_s * 1000)
        self._alarm.at(lock.until_ms, partial(self._fall_due, session_id, lock))
        return lock.until_ms

    def leave(self, consumer: Consumer) -> None:
        """A consumer has gone, and with it its session."""
        self.stop_waiting(consumer)
        if consumer.session_id is not None and self._locks.pop(consumer.session_id, None):
            self._queue.fail_session(consumer.session_id)

    def state(self, session_id: str) -> bytes | None:
        """What the session's holder has noted."""
        return self._store.session_state(self._queue.name, session_id)

    def set_state(self, session_id: str, state: bytes | None) -> None:
        """Note something."""
        self._store.set_session_state(self._queue.name, session_id, state)

    def _free(self) -> str | None:
        return next((it for it in self._queue.waiting_sessions() if it not in self._locks), None)

    def _fall_due(self, session_id: str, lock: _Lock) -> None:
        if self._locks.get(session_id) is lock and lock.until_ms <= now_ms():
            lock.consumer.lose_session()
            self._queue.pump()
