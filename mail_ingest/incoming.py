"""A file on its way in: what it claims to be, what was read of it, what was found out about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from mail_ingest.attachments import (
    declared_media_type,
    is_logo_sized,
    is_tracking_pixel,
    kind_of,
    told_type,
    why_unsupported,
)
from mail_ingest.file_names import shown_name, stored_name
from mail_ingest.image_size import image_size
from mail_ingest.sniff import HEAD_BYTES, sniff
from shared.model import Kind, LeftOut, LeftOutReason, MediaItem


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingFile:
    """What a file claims to be. Only one with a Content-ID can be a signature logo.

    `otherwise` is why it is left out unless its content is a photo or a video, where that is known.
    """

    file_name: str
    declared_type: str
    content_id: str = ""
    otherwise: LeftOutReason | None = None


class FileUnderWay:
    """The state of one file between its first byte and the decision."""

    def __init__(self, claims: IncomingFile, order: int) -> None:
        self.claim(claims)
        self.order = order
        self.size = 0
        self.digest = hashlib.sha256()
        self.head = bytearray()  # everything so far, until a blob takes it
        self.true_type = ""
        self.kind: Kind | None = None
        self.reason: LeftOutReason | None = None

    def claim(self, claims: IncomingFile) -> None:
        """This is claimed of it, from here on."""
        self.claims = replace(claims, declared_type=declared_media_type(claims.declared_type))

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

    def verdict(self, refused: LeftOutReason | None) -> LeftOutReason | None:
        """All of it is here: why it is left out, None when it is taken. `refused` goes first."""
        if self.size == 0:
            return refused or self.reason or LeftOutReason.EMPTY
        if not self.true_type and self.reason is None:
            self.judge()
        return refused or self.reason

    @property
    def may_be_logo(self) -> bool:
        """Whether it is a logo if the HTML refers to it."""
        return (
            self.kind is Kind.PHOTO
            and bool(self.claims.content_id)
            and is_logo_sized(self.size, image_size(bytes(self.head)))
        )

    @property
    def stored_name(self) -> str:
        """The name to store it under."""
        return stored_name(self.claims.file_name, self.true_type)

    def media_item(self, number: int, blob: str) -> MediaItem:
        """The line that says that it was kept, and where."""
        if self.kind is None:
            raise RuntimeError("only a photo or a video is kept")
        return MediaItem(
            number=number,
            kind=self.kind,
            file_name=shown_name(self.claims.file_name) or self.stored_name,
            media_type=self.true_type,
            declared_type=self.claims.declared_type,
            size=self.size,
            sha256=self.digest.hexdigest(),
            blob=blob,
        )

    def left_out(self, reason: LeftOutReason) -> LeftOut:
        """The line that says why it was not taken."""
        return LeftOut(
            file_name=shown_name(self.claims.file_name),
            media_type=told_type(self.true_type, self.claims.declared_type),
            size=self.size,
            reason=reason,
        )
