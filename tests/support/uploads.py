"""Direct uploads in memory, for tests of who asks for them; the real ones need an Azurite."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.errors import BlobNotFoundError
from shared.ports import Upload, UploadUrl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.ports import BlobStore

_BASE = "https://storage.example/"


@dataclass(slots=True)
class MemoryUploads:
    """Keeps what `put` was given, and copies it into a blob store."""

    blobs: BlobStore
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    reads: list[int | None] = field(default_factory=list["int | None"])  # their lengths

    def put(self, url: str, content: bytes) -> None:
        """What a client does with a URL."""
        self.contents[url.removeprefix(_BASE)] = content

    async def url(self, name: str) -> UploadUrl:
        return UploadUrl(
            url=_BASE + name, method="PUT", headers={}, expires_at="2026-11-24T16:00:00.000Z"
        )

    async def find(self, name: str) -> Upload | None:
        content = self.contents.get(name)
        if content is None:
            return None
        return Upload(blob=name, size=len(content), version=str(hash(content)))

    async def read(self, upload: Upload, *, length: int | None = None) -> AsyncIterator[bytes]:
        self.reads.append(length)
        yield self._content(upload)[:length]

    async def keep(self, upload: Upload, name: str, *, content_type: str) -> None:
        await self.blobs.put(name, self._content(upload), content_type=content_type)

    def _content(self, upload: Upload) -> bytes:
        content = self.contents.get(upload.blob, b"")
        if str(hash(content)) != upload.version:
            raise BlobNotFoundError(upload.blob)
        return content


class EveryUpload(MemoryUploads):
    """Has every upload that is asked for: a photo, whatever size was declared."""

    async def find(self, name: str) -> Upload | None:
        photo = bytes.fromhex("ffd8ffe000104a464946000101") + name.encode()
        self.contents[name] = photo
        size = int(name.rpartition("-")[2])
        return Upload(blob=name, size=size, version=str(hash(photo)))
