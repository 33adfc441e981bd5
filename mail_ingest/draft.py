"""Blobs that are being written and whose fate is open: each is published at the end, or dropped."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from shared.ports import BlobStore, BlobWriter


class _DroppedError(Exception):
    """Thrown into the store's block, so that nothing of the blob becomes visible."""


class Draft:
    """A blob between `open` and either `publish` or `drop`."""

    def __init__(
        self, name: str, block: AbstractAsyncContextManager[BlobWriter], writer: BlobWriter
    ) -> None:
        self.name = name
        self._block = block
        self._writer = writer

    @classmethod
    async def open(cls, blobs: BlobStore, name: str, *, content_type: str) -> Self:
        """Begin a blob under a name."""
        block = blobs.create(name, content_type=content_type)
        return cls(name, block, await block.__aenter__())

    async def write(self, data: bytes | memoryview) -> None:
        """Append bytes. Raises StorageFullError."""
        await self._writer.write(data)

    async def publish(self) -> None:
        """The blob becomes visible, and is durable on return."""
        await self._block.__aexit__(None, None, None)

    async def drop(self) -> None:
        """Nothing of the blob ever becomes visible."""
        error = _DroppedError()
        with suppress(_DroppedError):
            await self._block.__aexit__(_DroppedError, error, None)


class Publications:
    """Drafts that are being published at the same time: a disk flushes many as fast as one."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._tasks: list[asyncio.Task[None]] = []

    async def add(self, draft: Draft) -> None:
        """Begin to publish a draft; waits while too many are under way. Raises what those raise."""
        self._tasks.append(asyncio.create_task(draft.publish()))
        if len(self._tasks) >= self._at_once:
            await self._wait_for_oldest()

    async def complete(self) -> None:
        """All are visible and durable on return. Raises what any of them raises."""
        while self._tasks:
            await self._wait_for_oldest()

    async def abandon(self) -> None:
        """Wait until none is under way, however they end."""
        if self._tasks:
            await asyncio.wait(self._tasks)
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait_for_oldest(self) -> None:
        await asyncio.wait(self._tasks[:1])  # unlike await, it does not cancel what it waits for
        self._tasks.pop(0).result()
