"""Files stream in; photos and videos go to their blobs, everything else is left out with a reason.

For both doors: the parts of a mail and the files of an upload. Memory stays flat, however large or
many the files are: of each only its beginning is kept, until its first 4 KB have told what it is.
The one exception are images that may be logos: whether the HTML refers to them is known only at the
end, so they are held until then, a few megabytes at most.

A number is given to a file when its blob is begun and used up when the file is kept, so numbers
count from 1 without gaps, and no blob of a file that was left out ever becomes visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mail_ingest.attachments import content_id_key
from mail_ingest.draft import Draft, Publications
from mail_ingest.incoming import FileUnderWay, IncomingFile
from mail_ingest.sniff import HEAD_BYTES
from shared.intake import media_name
from shared.model import LeftOut, LeftOutReason, MediaItem

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from shared.ports import BlobStore

_PUBLISHED_AT_ONCE = 8
_HELD_BYTES = 4 << 20  # of images that may be logos; beyond it they are taken as photos


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """How much one submission may bring: photos and videos, and bytes of each."""

    max_media: int = 500
    max_media_bytes: int = 1 << 30


class MediaCollector:
    """Collects the files of one submission into a folder of the blob store, whose name ends with a
    slash: `begin`, `write` ..., `end` each; at last `settle`.
    """

    def __init__(self, blobs: BlobStore, folder: str, limits: MediaLimits) -> None:
        self._blobs = blobs
        self._folder = folder
        self._limits = limits
        self._media: list[MediaItem] = []
        self._left_out: list[tuple[int, LeftOut]] = []
        self._kept: set[str] = set()  # SHA-256
        self._held: list[FileUnderWay] = []
        self._held_bytes = 0
        self._files = 0
        self._file: FileUnderWay | None = None
        self._draft: Draft | None = None
        self._publications = Publications(_PUBLISHED_AT_ONCE)

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
        self._file = FileUnderWay(claims, self._files)
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

    async def end(
        self, reason: LeftOutReason | None = None, *, known: IncomingFile | None = None
    ) -> None:
        """The file is complete. `reason`: leave it out whatever it is. `known`: what is said of it
        now, which counts from here on; its blob keeps the name that it was begun under.
        """
        file, self._file = self._current(), None
        if known is not None:
            file.claim(known)
        reason = file.verdict(reason)
        if reason is None and self._draft is None and self._hold(file):
            return
        await self._finish(file, reason)

    def leave_out(self, claims: IncomingFile, size: int, reason: LeftOutReason) -> None:
        """A file of which nothing needs to be read."""
        file = FileUnderWay(claims, self._files)
        self._files += 1
        file.size = size
        self._left_out.append((file.order, file.left_out(reason)))

    async def settle(self, cids: AbstractSet[str] = frozenset()) -> None:
        """No more files come; the HTML refers to the Content-IDs `cids`. What is kept is durable on
        return.
        """
        held, self._held = self._held, []
        for file in held:
            logo = content_id_key(file.claims.content_id) in cids
            await self._finish(file, LeftOutReason.SIGNATURE_LOGO if logo else None)
        await self._publications.complete()

    async def publish(self, draft: Draft) -> None:
        """Publish another blob of the submission along with its files."""
        await self._publications.add(draft)

    async def abandon(self) -> None:
        """Something went wrong: drop what is half-written. What was kept may be visible."""
        await self._drop_draft()
        await self._publications.abandon()

    def _current(self) -> FileUnderWay:
        if self._file is None:
            raise RuntimeError("no file was begun")
        return self._file

    async def _decide_early(self, file: FileUnderWay) -> None:
        """Enough of the file is here to tell what it is, unless it may still be a logo."""
        if not file.true_type:
            file.judge()
        if file.reason is not None:
            file.head = bytearray()
        elif not file.may_be_logo:
            await self._open_draft(file)

    def _hold(self, file: FileUnderWay) -> bool:
        """Keep an image in mind that may be a logo; False when it is none, or there is no room."""
        if not file.may_be_logo or self._held_bytes + file.size > _HELD_BYTES:
            return False
        self._held_bytes += file.size
        self._held.append(file)
        return True

    async def _finish(self, file: FileUnderWay, reason: LeftOutReason | None) -> None:
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

    async def _open_draft(self, file: FileUnderWay) -> None:
        """Begin the file's blob, if there is room for one more."""
        if len(self._media) >= self._limits.max_media:
            file.reason = LeftOutReason.TOO_MANY
            file.head = bytearray()
            return
        name = media_name(self._folder, len(self._media) + 1, file.stored_name)
        self._draft = await Draft.open(self._blobs, name, content_type=file.true_type)
        await self._draft.write(bytes(file.head))
        file.head = bytearray()

    async def _keep(self, file: FileUnderWay) -> None:
        draft, self._draft = self._draft, None
        if draft is None:
            raise RuntimeError("a file without a blob cannot be kept")
        self._kept.add(file.digest.hexdigest())
        self._media.append(file.media_item(len(self._media) + 1, draft.name))
        await self.publish(draft)

    async def _drop_draft(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            await draft.drop()
