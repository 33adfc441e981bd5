"""The mails of the extraction benchmark: the same bytes every time, with where their files lie."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
_MB = 1_000_000
_BASE64_GROWTH = 78 / 76 * 4 / 3
_BOUNDARY = b"Apple-Mail-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One file as it stands in a mail: what a chain without a parser must be told."""

    start: int
    size: int
    encoding: str


class Writer:
    """Puts a mail together and remembers where its files lie."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.spans: list[Span] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Append raw bytes."""
        self.pieces.append(piece)
        self._size += len(piece)

    def open(self, boundary: bytes) -> None:
        """The header of a message, or of a nested one, and its text."""
        self.add(
            b"From: reader@example.org\r\nTo: desk@example.org\r\nSubject: photos\r\n"
            b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="%s"\r\n\r\n'
            b"--%s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello.\r\n\r\n"
            % (boundary, boundary)
        )

    def file(self, boundary: bytes, name: str, content: bytes, encoding: str = "base64") -> None:
        """A file in a transfer encoding."""
        self.add(
            b'--%s\r\nContent-Type: image/jpeg; name="%s"\r\nContent-Disposition: attachment; '
            b'filename="%s"\r\nContent-Transfer-Encoding: %s\r\n\r\n'
            % (boundary, name.encode(), name.encode(), encoding.encode())
        )
        body = _ENCODERS[encoding](content)
        self.spans.append(Span(start=self._size, size=len(body), encoding=encoding))
        self.add(body + b"\r\n")

    def close(self, boundary: bytes) -> None:
        """The closing delimiter."""
        self.add(b"--%s--\r\n" % boundary)


def _base64(content: bytes) -> bytes:
    letters = base64.b64encode(content)
    lines = (letters[at : at + 76] for at in range(0, len(letters), 76))
    return b"\r\n".join(lines) + b"\r\n"


def _quoted_printable(content: bytes) -> bytes:
    return binascii.b2a_qp(content, istext=False).replace(b"\n", b"\r\n")


_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "base64": _base64,
    "quoted-printable": _quoted_printable,
    "binary": bytes,
}


def _photo(size: int, seed: int = 0) -> bytes:
    noise = hashlib.shake_256(b"%d" % seed).digest(max(0, size - len(_JPEG)))
    return _JPEG + noise


def _one(size: int, encoding: str = "base64", growth: float = _BASE64_GROWTH) -> Writer:
    mail = Writer()
    mail.open(_BOUNDARY)
    mail.file(_BOUNDARY, "IMG_0001.jpeg", _photo(int(size / growth)), encoding)
    mail.close(_BOUNDARY)
    return mail


def _many(count: int, size: int) -> Writer:
    mail = Writer()
    mail.open(_BOUNDARY)
    for number in range(count):
        mail.file(_BOUNDARY, f"IMG_{number:04}.jpeg", _photo(size, number))
    mail.close(_BOUNDARY)
    return mail


def _nested(depth: int) -> Writer:
    mail = Writer()
    for level in range(depth + 1):
        boundary = b"nest-%d" % level
        mail.open(boundary)
        mail.file(boundary, f"IMG_{level}.jpeg", _photo(6_800_000, level))
        if level < depth:
            mail.add(b"--%s\r\nContent-Type: message/rfc822\r\n\r\n" % boundary)
    for level in range(depth, -1, -1):
        mail.close(b"nest-%d" % level)
    return mail


MAILS: dict[str, Callable[[], Writer]] = {
    "1 MB": lambda: _one(_MB),
    "10 MB": lambda: _one(10 * _MB),
    "60 MB": lambda: _one(60 * _MB),
    "150 MB": lambda: _one(150 * _MB),
    "500 x 100 KB": lambda: _many(500, 100_000),
    "rfc822 depth 5": lambda: _nested(5),
    "quoted-printable": lambda: _one(55 * _MB, "quoted-printable", 2.55),
    "60 MB binary": lambda: _one(60 * _MB, "binary", 1),
}


def write(name: str, path: Path) -> list[Span]:
    """Write the mail of this name; gives where its files lie."""
    mail = MAILS[name]()
    with path.open("wb") as out:
        out.writelines(mail.pieces)
    return mail.spans
