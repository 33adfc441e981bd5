"""Tasks that run beside the server until it stops. The first one that fails is the server's end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType


class Background:
    """Long-running tasks; leaving the block stops them, if nobody has before."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: asyncio.Future[BaseException] | None = None

    async def __aenter__(self) -> Self:
        self._failure = asyncio.get_running_loop().create_future()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self, within_s: float | None = None) -> None:
        """Cancel the tasks, the last one started first, each when the ones after it have ended. Of
        those that have not ended when the time is up, none is waited for.
        """
        loop = asyncio.get_running_loop()
        deadline = None if within_s is None else loop.time() + within_s
        while self._tasks:
            task = self._tasks.pop()
            task.cancel()
            left_s = None if deadline is None else max(0.0, deadline - loop.time())
            await asyncio.wait([task], timeout=left_s)

    def run(self, work: Coroutine[None, None, None], *, name: str) -> None:
        """Start a task."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def failure(self) -> BaseException:
        """Wait until a task fails; what it failed with."""
        if self._failure is None:
            raise RuntimeError("the background is not entered")
        return await asyncio.shield(self._failure)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._failure is None or self._failure.done():
            return
        error = task.exception()
        self._failure.set_result(error or RuntimeError(f"{task.get_name()} ended by itself"))
