"""Tasks that run beside the server until it stops. The first one that fails is the server's end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType


class Background:
    """Long-running tasks; leaving the block cancels them, the last one started first."""

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
        for task in reversed(self._tasks):
            task.cancel()
            await asyncio.wait([task])

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
