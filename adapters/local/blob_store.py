"""Blobs as files below a folder.

A blob is written to a temporary file, flushed, renamed into place, and its folder is flushed: it is
visible only when complete, and durable once visible. A small blob costs one hop into a thread, a
large one a hop for each 256 KiB. The content type is not kept: a file has none.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from adapters.local.blob_files import open_range, read_whole, remove_below
from adapters.local.blob_names import names_below, path_of
from adapters.local.durable_files import KEPT_FREE_BYTES, full_disk_is_named
from adapters.local.new_file import NewFile
from adapters.local.temp_folder import TempFolder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from pathlib import Path

_BUFFER = 256 * 1024
_READ_CHUNK = 1024 * 1024
_THREADS = 32  # they wait for the disk, whose journal takes many flushes in one
_LISTED_AT_ONCE = 1000


class LocalBlobStore:
    """Keeps blobs below `root`. Several stores, also of several processes, may share a root.

    A name that is invalid, or is also the folder of another blob, raises ValueError or OSError.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._temp = TempFolder(self._root / ".incoming")
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blob-store")

    def close(self) -> None:
        """Finish what runs, and remove what is half-written."""
        self._threads.shutdown()
        self._temp.close()

    @asynccontextmanager
    async def create(
        self, name: str, *, content_type: str = "application/octet-stream"
    ) -> AsyncGenerator[BlobStream]:
        """Write a blob as a stream; it appears when the block ends well. It leaves the last of the
        disk to small blobs and databases, which say what was taken.
        """
        del content_type
        file = NewFile(self._temp.new_path(), kept_free_bytes=KEPT_FREE_BYTES)
        async with self._published(name, file) as stream:
            yield stream

    async def put(
        self, name: str, content: bytes, *, content_type: str = "application/octet-stream"
    ) -> None:
        """Write a small blob whole, replacing an older one."""
        del content_type
        async with self._published(name, NewFile(self._temp.new_path())) as stream:
            await stream.write(content)

    async def put_new(
        self, name: str, content: bytes, *, content_type: str = "application/octet-stream"
    ) -> bool:
        """Write a small blob only if none has this name, also against other processes."""
        del content_type
        path = path_of(self._root, name)
        return await self._start(partial(self._put_new, path, content))

    async def get(self, name: str) -> bytes:
        """A small blob's bytes. Raises BlobNotFoundError."""
        return await self._start(partial(read_whole, path_of(self._root, name), name))

    async def read(
        self, name: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """A blob's bytes, or a range of them, in chunks of at most 1 MiB."""
        path = path_of(self._root, name)
        file, rest = await self._start(partial(open_range, path, name, offset, length))
        with file:
            while rest > 0:
                chunk = await self._start(partial(file.read, min(rest, _READ_CHUNK)))
                rest -= len(chunk)
                yield chunk

    async def exists(self, name: str) -> bool:
        """Whether a complete blob has this name."""
        return await self._start(path_of(self._root, name).is_file)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """The names of the complete blobs that start with `prefix`, in order."""
        names = names_below(self._root, prefix)
        while batch := await self._start(lambda: tuple(islice(names, _LISTED_AT_ONCE))):
            for name in batch:
                yield name

    async def delete_prefix(self, prefix: str) -> int:
        """Delete the blobs whose names start with `prefix`; how many there were."""
        return await self._start(partial(remove_below, self._root, prefix))

    async def read_url(self, name: str) -> str:
        """A ``file://`` URL, which every process of this machine may read at any time."""
        return path_of(self._root, name).as_uri()

    @asynccontextmanager
    async def _published(self, name: str, file: NewFile) -> AsyncGenerator[BlobStream]:
        path = path_of(self._root, name)
        stream = BlobStream(file, self._start)
        try:
            yield stream
            await stream.publish(path)
        except BaseException:
            await asyncio.shield(stream.discard())
            raise

    def _start[T](self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, self._in_thread, work)

    def _in_thread[T](self, work: Callable[[], T]) -> T:
        with full_disk_is_named(self._root):
            return work()

    def _put_new(self, path: Path, content: bytes) -> bool:
        if path.exists():
            return False
        file = NewFile(self._temp.new_path())
        try:
            file.write(content)
            return file.publish_new(path)
        finally:
            file.discard()


class BlobStream:
    """A blob that is being written: small writes are gathered, and the next 256 KiB are gathered
    while a thread writes the last.
    """

    def __init__(
        self, file: NewFile, start: Callable[[Callable[[], None]], asyncio.Future[None]]
    ) -> None:
        self._file = file
        self._start = start
        self._buffer = bytearray()
        self._running: asyncio.Future[None] | None = None

    async def write(self, data: bytes | memoryview) -> None:
        """Append bytes. Raises StorageFullError, maybe for bytes of an earlier write."""
        self._buffer += data
        if len(self._buffer) >= _BUFFER:
            await self._ended()
            full, self._buffer = self._buffer, bytearray()
            self._running = self._start(partial(self._file.write, full))

    async def publish(self, path: Path) -> None:
        """Make the blob visible at `path`."""
        await self._ended()
        self._running = self._start(partial(self._write_and_publish, path))
        await self._ended()

    async def discard(self) -> None:
        """Remove what was written."""
        if self._running is not None:
            await asyncio.wait([self._running])
            self._running.exception()  # it was raised before, or nobody is left to hear it
        await self._start(self._file.discard)

    def _write_and_publish(self, path: Path) -> None:
        self._file.write(self._buffer)
        self._file.publish(path)

    async def _ended(self) -> None:
        if self._running is not None:
            await asyncio.shield(self._running)  # a thread cannot be cancelled
