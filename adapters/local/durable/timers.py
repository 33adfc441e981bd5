"""Every durable timer in one heap, so that a wait costs a few bytes and no thread."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

_WORTH_SWEEPING = 1000


@dataclass(frozen=True, slots=True)
class Timer:
    """A time at which an instance wants to be woken; `timer_id` is the event ID of timerCreated."""

    fire_at: datetime
    instance_id: str
    timer_id: int


class TimerQueue:
    """Timers by time. A timer whose instance has ended stays until `sweep`, or until it is due."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Timer]] = []
        self._order = itertools.count()
        self._sweep_at = _WORTH_SWEEPING

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_at(self) -> datetime | None:
        """When the first timer is due, or None."""
        return self._heap[0][0] if self._heap else None

    def arm(self, timer: Timer, *, due_at: datetime | None = None) -> None:
        """Add a timer; `due_at` is on the clock that `due` is asked with, where that is another one
        than that of `fire_at`.
        """
        heapq.heappush(self._heap, (due_at or timer.fire_at, next(self._order), timer))

    def due(self, now: datetime) -> Iterator[Timer]:
        """Take out the timers whose time has come, earliest first."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]

    def sweep(self, is_live: Callable[[str], bool]) -> None:
        """Drop the timers of instances that have ended; does so only when it is worth the work."""
        if len(self._heap) < self._sweep_at:
            return
        self._heap = [entry for entry in self._heap if is_live(entry[2].instance_id)]
        heapq.heapify(self._heap)
        self._sweep_at = max(_WORTH_SWEEPING, 2 * len(self._heap))
