"""One timer for all that falls due: ends of locks, scheduled messages, times to live."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def now_ms() -> int:
    """The time as AMQP counts it."""
    return time.time_ns() // 1_000_000


class Alarm:
    """Calls back at given times. A call may come for something that has changed meanwhile: who is
    called looks again.
    """

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._handle: asyncio.TimerHandle | None = None
        self._stopped = False

    def at(self, when_ms: int, call: Callable[[], None]) -> None:
        """Call at a time."""
        heapq.heappush(self._due, (when_ms, next(self._order), call))
        if self._due[0][0] >= when_ms:
            self._arrange()

    def stop(self) -> None:
        """Call nobody any more."""
        self._stopped = True
        if self._handle is not None:
            self._handle.cancel()

    def _arrange(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        if self._due and not self._stopped:
            delay_s = max(0, self._due[0][0] - now_ms()) / 1000
            self._handle = asyncio.get_running_loop().call_later(delay_s, self._ring)

    def _ring(self) -> None:
        now = now_ms()
        while self._due and self._due[0][0] <= now:
            _, _, call = heapq.heappop(self._due)
            call()
        self._arrange()
