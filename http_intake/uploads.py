"""The files of a form: each is looked at, then stored as it streams in, or left out and why.

The rules are those for the attachments of a mail (`mail_ingest.attachments`), without the ones
about logos and tracking pixels: whoever uploads a file has chosen it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from mail_ingest.attachments import kind_of, why_unsupported
from mail_ingest.file_names import safe_name, shown_name
from mail_ingest.sniff import HEAD_BYTES, OCTET_STREAM, sniff
from shared.intake import media_name
from shared.model import BlobRef, LeftOut, LeftOutReason, MediaItem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from http_intake.doors import HttpSettings
    from http_intake.multipart import Part
    from shared.model import Kind
    from shared.ports import BlobStore

_PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})


class _LeaveOut(Exception):  # noqa: N818 - unwinds the writing of a blob, which is no error
    def __init__(self, reason: LeftOutReason, size: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.size = size  # how many bytes were read


@dataclass(slots=True, kw_only=True)
class Uploads:
    """Takes the files of one submission, in order."""

    blobs: BlobStore
    submission_id: str
    settings: HttpSettings
    media: list[MediaItem] = field(default_factory=list[MediaItem])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])

    def is_empty(self) -> bool:
        """Whether there was no file at all."""
        return not self.media and not self.left_out

    async def take(self, part: Part) -> None:
        """Store a file or leave it out. Raises StorageFullError."""
        head = await _read_head(part)
        if not head and not part.head.file_name:
            return  # a form's file field that was left empty (HTML 4.10.22.7)
        media_type = sniff(head) if head else OCTET_STREAM
        kind = kind_of(media_type)
        reason = self._why_left_out(part, head, media_type)
        if reason is not None or kind is None:
            size = len(head) + await part.skip()
            self._leave_out(part, media_type, size, reason or LeftOutReason.UNSUPPORTED_TYPE)
            return
        await self._store(part, head, media_type, kind)

    def _why_left_out(self, part: Part, head: bytes, media_type: str) -> LeftOutReason | None:
        if not head:
            return LeftOutReason.EMPTY
        if part.head.transfer_encoding not in _PLAIN_ENCODINGS:  # RFC 7578 section 4.7
            return LeftOutReason.REFUSED_ENCODING
        if kind_of(media_type) is None:
            return why_unsupported(
                true_type=media_type,
                declared_type=part.head.media_type,
                file_name=part.head.file_name or "",
            )
        if len(self.media) >= self.settings.max_media:
            return LeftOutReason.TOO_MANY
        return None

    async def _store(self, part: Part, head: bytes, media_type: str, kind: Kind) -> None:
        number = len(self.media) + 1
        file_name = part.head.file_name or ""
        blob = media_name(self.submission_id, number, safe_name(file_name, media_type))
        try:
            content = await self._write(blob, media_type, _chain(head, part))
        except _LeaveOut as left:
            self._leave_out(part, media_type, left.size + await part.skip(), left.reason)
            return
        item = MediaItem(
            number=number,
            kind=kind,
            file_name=shown_name(file_name),
            media_type=media_type,
            declared_type=part.head.media_type,
            size=content.size,
            sha256=content.sha256,
            blob=blob,
        )
        self.media.append(item)

    async def _write(self, blob: str, media_type: str, chunks: AsyncIterator[bytes]) -> BlobRef:
        """Write a file; raises _LeaveOut, and nothing of it is kept, when it shall not be taken."""
        digest = sha256()
        size = 0
        async with self.blobs.create(blob, content_type=media_type) as writer:
            async for data in chunks:
                size += len(data)
                if size > self.settings.max_media_bytes:
                    raise _LeaveOut(LeftOutReason.TOO_LARGE, size)
                digest.update(data)
                await writer.write(data)
            if any(item.sha256 == digest.hexdigest() for item in self.media):
                raise _LeaveOut(LeftOutReason.DUPLICATE, size)
        return BlobRef(blob=blob, size=size, sha256=digest.hexdigest())

    def _leave_out(self, part: Part, media_type: str, size: int, reason: LeftOutReason) -> None:
        file_name = shown_name(part.head.file_name or "")
        self.left_out.append(
            LeftOut(file_name=file_name, media_type=media_type, size=size, reason=reason)
        )


async def _read_head(part: Part) -> bytes:
    """At least the first bytes that `sniff` wants, or all there are."""
    head = bytearray()
    async for data in part:
        head += data
        if len(head) >= HEAD_BYTES:
            break
    return bytes(head)


async def _chain(head: bytes, part: Part) -> AsyncIterator[bytes]:
    yield head
    async for data in part:
        yield data
