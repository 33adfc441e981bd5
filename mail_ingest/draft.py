"""A blob that is being written and whose fate is open: it is published at the end, or dropped."""

from __future__ import annotations

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
