"""A media blob as a local file, for a describer in a process beside us."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.ports import BlobStore


@asynccontextmanager
async def local_file(blobs: BlobStore, name: str) -> AsyncGenerator[tuple[Path, str]]:
    """The file, and the URL by which others may read the blob. Raises BlobNotFoundError.

    A blob that lies on this machine anyway is not copied; a copy is removed afterwards.
    """
    url = await blobs.read_url(name)
    if url.startswith("file:"):
        yield Path.from_uri(url), url
        return
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory)
    try:
        path = Path(folder.name) / "media"
        with path.open("wb") as file:
            async for chunk in blobs.read(name):
                await asyncio.to_thread(file.write, chunk)
        yield path, url
    finally:
        await asyncio.to_thread(folder.cleanup)
