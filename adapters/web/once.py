"""Does the same thing once, though it is asked for again, in the lifetime of a process.

It spares work; it is no promise, because another process, or this one after a restart, knows
nothing of it. What is done must bear to be done twice.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

_REMEMBERED = 10_000


class Once:
    """Remembers the last 10,000 keys whose work ended with True."""

    def __init__(self) -> None:
        self._done: dict[Hashable, None] = {}
        self._under_way: dict[Hashable, asyncio.Task[bool]] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[bool]]) -> bool:
        """Whether the work is done: now, or before. Who asks while it is under way waits for it; it
        goes on when who asked has gone.
        """
        if key in self._done:
            return True
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._do(key, work))
        return await asyncio.shield(task)

    async def _do(self, key: Hashable, work: Callable[[], Awaitable[bool]]) -> bool:
        try:
            done = await work()
        finally:
            del self._under_way[key]
        if done:
            self._done[key] = None
        if len(self._done) > _REMEMBERED:
            del self._done[next(iter(self._done))]
        return done
