"""A media blob as a local file, for a describer in a process beside us."""

from __future__ import annotations

import asyncio
import errno
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import StorageFullError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.ports import BlobStore

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@asynccontextmanager
async def local_file(blobs: BlobStore, name: str, size: int) -> AsyncGenerator[tuple[Path, str]]:
    """The file of `size` bytes, and the URL by which others may read the blob.

    A blob that lies on this machine anyway is not copied; a copy is removed afterwards. Raises
    BlobNotFoundError, StorageFullError where there is no room now, and TooLargeError where there
    never is: the temporary storage of a Functions app on Flex Consumption holds 0.8 GB.
    """
    url = await blobs.read_url(name)
    if url.startswith("file:"):
        yield Path.from_uri(url), url
        return
    room = (await asyncio.to_thread(shutil.disk_usage, tempfile.gettempdir())).total
    if size > room:
        raise TooLargeError("The file", room)
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory)
    try:
        path = Path(folder.name) / "media"
        await _copy(blobs, name, path)
        yield path, url
    finally:
        await asyncio.to_thread(folder.cleanup)


async def _copy(blobs: BlobStore, name: str, path: Path) -> None:
    try:
        with await asyncio.to_thread(path.open, "wb") as file:
            async for chunk in blobs.read(name):
                await asyncio.to_thread(file.write, chunk)
    except OSError as exc:
        if exc.errno in _FULL:
            raise StorageFullError(tempfile.gettempdir()) from exc
        raise
