"""Files stream in; photos and videos go to their blobs, everything else is left out with a reason.

For both doors: the parts of a mail and the files of an upload. Memory stays flat, however large or
many the files are: of each only its beginning is kept, until its first 4 KB have told what it is.
The one exception are images that may be logos: whether the HTML refers to them is known only at the
end, so they are held until then, a few megabytes at most.

A number is given to a file when its blob is begun and used up when the file is kept, so numbers
count from 1 without gaps, and no blob of a file that was left out ever becomes visible.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mail_ingest.attachments import (
    content_id_key,
    is_logo_sized,
    is_tracking_pixel,
    kind_of,
    told_type,
    why_unsupported,
)
from mail_ingest.draft import Draft
from mail_ingest.file_names import safe_name, shown_name
from mail_ingest.image_size import image_size
from mail_ingest.sniff import HEAD_BYTES, sniff
from shared.intake import media_name
from shared.model import Kind, LeftOut, LeftOutReason, MediaItem

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from shared.ports import BlobStore

_HELD_BYTES = 4 << 20  # of images that may be logos; beyond it they are taken as photos


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """How much one submission may bring: photos and videos, and bytes of each."""

    max_media: int = 500
    max_media_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingFile:
    """What a file claims to be. Only one with a Content-ID can be a signature logo.

    `otherwise` is why it is left out unless its content is a photo or a video, where that is known.
    """

    file_name: str
    declared_type: str
    content_id: str = ""
    otherwise: LeftOutReason | None = None


class _File:
    """A file on its way in: what was read of it, and what was found out."""

    def __init__(self, claims: IncomingFile, order: int) -> None:
        self.claims = claims
        self.order = order
        self.size = 0
        self.digest = hashlib.sha256()
        self.head = bytearray()  # everything so far, until a blob takes it
        self.true_type = ""
        self.kind: Kind | None = None
        self.reason: LeftOutReason | None = None

    def judge(self) -> None:
        """Find out what it is by its content: a kind, or the reason to leave it out."""
        self.true_type = sniff(bytes(self.head[:HEAD_BYTES]))
        self.kind = kind_of(self.true_type)
        if self.kind is None:
            self.reason = self.claims.otherwise or why_unsupported(
                true_type=self.true_type,
                declared_type=self.claims.declared_type,
                file_name=self.claims.file_name,
            )
        elif is_tracking_pixel(image_size(bytes(self.head))):
            self.reason = LeftOutReason.TRACKING_PIXEL

    @property
    def may_be_logo(self) -> bool:
        """Whether it is a logo if the HTML refers to it."""
        return (
            self.kind is Kind.PHOTO
            and bool(self.claims.content_id)
            and is_logo_sized(self.size, image_size(bytes(self.head)))
        )

    def left_out(self, reason: LeftOutReason) -> LeftOut:
        """The line that says why it was not taken."""
        return LeftOut(
            file_name=shown_name(self.claims.file_name),
            media_type=told_type(self.true_type, self.claims.declared_type),
            size=self.size,
            reason=reason,
        )


class MediaCollector:
    """Collects the files of one submission: `begin`, `write` ..., `end` each; at last `settle`."""

    def __init__(self, blobs: BlobStore, submission_id: str, limits: MediaLimits) -> None:
        self._blobs = blobs
        self._submission_id = submission_id
        self._limits = limits
        self._media: list[MediaItem] = []
        self._left_out: list[tuple[int, LeftOut]] = []
        self._kept: set[str] = set()  # SHA-256
        self._held: list[_File] = []
        self._files = 0
        self._file: _File | None = None
        self._draft: Draft | None = None

    @property
    def media(self) -> tuple[MediaItem, ...]:
        """What was kept, by number."""
        return tuple(self._media)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What was left out, in order of appearance."""
        return tuple(line for _, line in sorted(self._left_out, key=lambda pair: pair[0]))

    def begin(self, claims: IncomingFile) -> None:
        """A file starts."""
        self._file = _File(claims, self._files)
        self._files += 1

    async def write(self, data: bytes) -> None:
        """The next bytes of the file. Raises StorageFullError."""
        file = self._current()
        file.size += len(data)
        if file.reason is not None:
            return
        if file.size > self._limits.max_media_bytes:
            file.reason = LeftOutReason.TOO_LARGE
            await self._drop_draft()
            return
        file.digest.update(data)
        if self._draft is not None:
            await self._draft.write(data)
            return
        file.head += data
        if len(file.head) >= HEAD_BYTES:
            await self._decide_early(file)

    async def end(self, reason: LeftOutReason | None = None) -> None:
        """The file is complete. `reason`: leave it out whatever it is."""
        file, self._file = self._current(), None
        if file.size == 0:
            file.reason = reason or file.reason or LeftOutReason.EMPTY
        elif not file.true_type and file.reason is None:
            file.judge()
        reason = reason or file.reason
        if reason is None and self._draft is None and self._hold(file):
            return
        await self._finish(file, reason)

    def leave_out(self, claims: IncomingFile, size: int, reason: LeftOutReason) -> None:
        """A file of which nothing needs to be read."""
        file = _File(claims, self._files)
        self._files += 1
        file.size = size
        self._left_out.append((file.order, file.left_out(reason)))

    async def settle(self, cids: AbstractSet[str] = frozenset()) -> None:
        """No more files come; the HTML refers to the Content-IDs `cids`."""
        held, self._held = self._held, []
        for file in held:
            logo = content_id_key(file.claims.content_id) in cids
            await self._finish(file, LeftOutReason.SIGNATURE_LOGO if logo else None)

    async def abandon(self) -> None:
        """Something went wrong: drop what is half-written."""
        await self._drop_draft()

    def _current(self) -> _File:
        if self._file is None:
            raise RuntimeError("no file was begun")
        return self._file

    async def _decide_early(self, file: _File) -> None:
        """Enough of the file is here to tell what it is, unless it may still be a logo."""
        if not file.true_type:
            file.judge()
        if file.reason is not None:
            file.head = bytearray()
        elif not file.may_be_logo:
            await self._open_draft(file)

    def _hold(self, file: _File) -> bool:
        """Keep an image in mind that may be a logo; False when it is none, or there is no room."""
        held_bytes = sum(len(each.head) for each in self._held)
        if not file.may_be_logo or held_bytes + len(file.head) > _HELD_BYTES:
            return False
        self._held.append(file)
        return True

    async def _finish(self, file: _File, reason: LeftOutReason | None) -> None:
        """Keep the file, or leave it out."""
        if reason is None and file.digest.hexdigest() in self._kept:
            reason = LeftOutReason.DUPLICATE
        if reason is None and self._draft is None:
            await self._open_draft(file)
            reason = file.reason
        if reason is None:
            await self._keep(file)
        else:
            await self._drop_draft()
            self._left_out.append((file.order, file.left_out(reason)))

    async def _open_draft(self, file: _File) -> None:
        """Begin the file's blob, if there is room for one more."""
        if len(self._media) >= self._limits.max_media:
            file.reason = LeftOutReason.TOO_MANY
            file.head = bytearray()
            return
        name = media_name(self._submission_id, len(self._media) + 1, self._safe_name(file))
        self._draft = await Draft.open(self._blobs, name, content_type=file.true_type)
        await self._draft.write(bytes(file.head))
        file.head = bytearray()

    async def _keep(self, file: _File) -> None:
        draft, self._draft = self._draft, None
        if draft is None or file.kind is None:
            raise RuntimeError("only a photo or a video with a blob can be kept")
        await draft.publish()
        self._kept.add(file.digest.hexdigest())
        self._media.append(
            MediaItem(
                number=len(self._media) + 1,
                kind=file.kind,
                file_name=shown_name(file.claims.file_name) or self._safe_name(file),
                media_type=file.true_type,
                declared_type=file.claims.declared_type,
                size=file.size,
                sha256=file.digest.hexdigest(),
                blob=draft.name,
            )
        )

    async def _drop_draft(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            await draft.drop()

    @staticmethod
    def _safe_name(file: _File) -> str:
        return safe_name(file.claims.file_name, file.true_type)
