"""The local blob store, with URLs that another process of this machine may write by."""

from __future__ import annotations

import asyncio
from pathlib import Path

from adapters.local.blob_store import LocalBlobStore


class LocalJobBlobs(LocalBlobStore):
    """Has the URLs that blob stores have which containers read from and write into."""

    async def long_read_url(self, name: str) -> str:
        """A ``file://`` URL."""
        return await self.read_url(name)

    async def write_url(self, name: str) -> str:
        """A ``file://`` URL; its folder is there."""
        url = await self.read_url(name)
        await asyncio.to_thread(Path.from_uri(url).parent.mkdir, parents=True, exist_ok=True)
        return url
