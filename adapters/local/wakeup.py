"""A wake-up call between coroutines and threads that cannot be missed.

Whoever waits reads `count` first, looks for work, and then waits for a count that differs: a
`notify` between the look and the wait ends the wait at once.
"""

from __future__ import annotations

import asyncio
import threading


class Wakeup:
    """Wakes every coroutine that waits, in any event loop; `notify` may come from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[asyncio.Future[None]] = set()
        self._count = 0

    @property
    def count(self) -> int:
        """How often `notify` was called."""
        return self._count

    def notify(self) -> None:
        """Wake everybody who waits."""
        with self._lock:
            self._count += 1
            waiting, self._waiting = self._waiting, set()
        for future in waiting:
            loop = future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, future)

    async def wait(self, seen: int, timeout_s: float | None = None) -> None:
        """Return when `count` differs from `seen`, or after `timeout_s` seconds (None: never)."""
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._count != seen:
                return
            self._waiting.add(future)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiting.discard(future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
