"""Raw mails made on the spot, and ways to hand them in."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mail_ingest.receive import MailOrigin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEADER = (
    b"From: Kari <kari@example.org>\r\nTo: tips@news.example\r\nSubject: Fire\r\n"
    b"Message-ID: <m1@example.org>\r\nDate: Tue, 24 Nov 2026 13:00:00 +0100\r\n"
)
RECEIVED_AT = "2026-11-24T12:00:00.000Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPart:
    """A body part; its content is sent as base64."""

    media_type: str
    content: bytes
    file_name: str = ""
    content_id: str = ""

    def raw(self) -> bytes:
        """The part as it stands in a mail."""
        lines = [f"Content-Type: {self.media_type}", "Content-Transfer-Encoding: base64"]
        if self.file_name:
            lines.append(f'Content-Disposition: attachment; filename="{self.file_name}"')
        if self.content_id:
            lines.append(f"Content-ID: <{self.content_id}>")
        body = base64.encodebytes(self.content).replace(b"\n", b"\r\n")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def text(content: str) -> MailPart:
    """A text/plain part."""
    return MailPart(media_type="text/plain; charset=utf-8", content=content.encode())


def html(content: str) -> MailPart:
    """A text/html part."""
    return MailPart(media_type="text/html; charset=utf-8", content=content.encode())


def photo(content: bytes, file_name: str = "photo.jpg", *, content_id: str = "") -> MailPart:
    """An image that calls itself a JPEG."""
    return MailPart(
        media_type="image/jpeg", content=content, file_name=file_name, content_id=content_id
    )


def mail(*parts: MailPart, header: bytes = HEADER) -> bytes:
    """A multipart/mixed mail."""
    start = header + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=b"\r\n\r\n'
    return start + b"".join(b"--=b\r\n" + part.raw() for part in parts) + b"--=b--\r\n"


def origin(key: str = "k1", *, envelope_sender: str | None = None) -> MailOrigin:
    """Where a test's mail comes from."""
    return MailOrigin(
        source="mail", key=key, received_at=RECEIVED_AT, envelope_sender=envelope_sender
    )


async def chunks(raw: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """A mail in pieces of a size."""
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


async def hanging_up(raw: bytes, after: int) -> AsyncIterator[bytes]:
    """A sender whose connection is cut."""
    yield raw[:after]
    raise ConnectionResetError("the client hung up")
