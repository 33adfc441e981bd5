"""Writes mails byte by byte, right or wrong as a test needs them; nothing depends on the day."""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path

MEDIA = Path(__file__).parents[1] / "fixtures" / "media"
NEWSROOM = "Newsroom photos <photos@newsroom.example>"
KARI = "Kari Nordmann <kari.nordmann@example.org>"
DATE = "Tue, 24 Nov 2026 09:15:00 +0100"

type Field = tuple[str, str]


def media(name: str) -> bytes:
    """A photo or video of tests/fixtures/media."""
    return (MEDIA / name).read_bytes()


def entity(content_type: str, content: bytes, *more: Field, encoding: str = "base64") -> bytes:
    """A leaf part: header, blank line, content in its transfer encoding."""
    encoders = {"base64": base64_lines, "quoted-printable": quoted_printable}
    encoded = encoders[encoding](content) if encoding in encoders else content
    fields = (("Content-Type", content_type), ("Content-Transfer-Encoding", encoding), *more)
    return header(*fields) + b"\r\n" + encoded


def text(sentence: str) -> bytes:
    """A plain text body."""
    body = sentence.replace("\n", "\r\n").encode() + b"\r\n"
    return entity("text/plain; charset=utf-8", body, encoding="quoted-printable")


def html(body: str) -> bytes:
    """An HTML body."""
    page = f"<html><body>{body}</body></html>\r\n".encode()
    return entity("text/html; charset=utf-8", page, encoding="quoted-printable")


def attached(name: str, content: bytes, media_type: str = "image/jpeg", **options: str) -> bytes:
    """A file as most clients attach it. Options: `disposition`, `content_id`."""
    disposition = options.get("disposition", "attachment")
    more: list[Field] = [("Content-Disposition", f'{disposition}; filename="{name}"')]
    if content_id := options.get("content_id"):
        more.append(("Content-ID", f"<{content_id}>"))
    return entity(f'{media_type}; name="{name}"', content, *more)


def multipart(subtype: str, *parts: bytes, more: str = "") -> bytes:
    """A multipart with a boundary that its content decides."""
    boundary = f"=_{hashlib.sha256(b'|'.join(parts)).hexdigest()[:24]}"
    start = header(("Content-Type", f'multipart/{subtype}; boundary="{boundary}"{more}'))
    delimited = b"".join(b"\r\n--%s\r\n%s" % (boundary.encode(), part) for part in parts)
    return start + delimited + b"\r\n--%s--\r\n" % boundary.encode()


def message_part(mail_bytes: bytes, name: str = "") -> bytes:
    """A message as an attachment (RFC 2046 5.2.1)."""
    disposition = f'attachment; filename="{name}"' if name else "attachment"
    fields = (("Content-Type", "message/rfc822"), ("Content-Disposition", disposition))
    return header(*fields) + b"\r\n" + mail_bytes


def mail(subject: str, body: bytes, *more: Field, sender: str = KARI, to: str = NEWSROOM) -> bytes:
    """A whole message around a body entity; the fields in `more` come first."""
    digest = hashlib.sha256(subject.encode() + body).hexdigest()[:20]
    return (
        header(
            *more,
            ("From", sender),
            ("To", to),
            ("Subject", subject),
            ("Date", DATE),
            ("Message-ID", f"<{digest}@{sender.rpartition('@')[2].strip('>')}>"),
            ("MIME-Version", "1.0"),
        )
        + body
    )


def header(*fields: Field) -> bytes:
    """Header fields; what is not ASCII is written as UTF-8 (RFC 6532)."""
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in fields)


def base64_lines(content: bytes) -> bytes:
    """Base64 in lines of 76 characters."""
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def quoted_printable(content: bytes) -> bytes:
    """Quoted-printable of text."""
    return binascii.b2a_qp(content, istext=True)
