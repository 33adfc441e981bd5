"""yEnc 1.3 (yenc.org), which writes 8-bit bytes into a text, in one part or in several."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from mail_ingest.mime.defects import Flaw

WRONG_SIZE = Flaw(
    clause="yEnc 1.3 size", sentence="A yEnc file has not the size that it says; all of it is kept."
)
WRONG_CHECKSUM = Flaw(
    clause="yEnc 1.3 crc32", sentence="The checksum of a yEnc file is wrong; it may be damaged."
)
PART_MISSING = Flaw(
    clause="yEnc 1.3 part", sentence="A part of a yEnc file is missing; the others are kept."
)
NO_END = Flaw(clause="yEnc 1.3 yend", sentence="A yEnc file has no =yend line.")

_FIELD = re.compile(rb"(\w+)=([0-9a-fA-F]+)(?=\s|$)")
_NAME = re.compile(rb"\bname=([^\r\n]*)")
_PLAIN = bytes((byte - 42) & 0xFF for byte in range(256))
_ESCAPED = bytes((byte - 64 - 42) & 0xFF for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class YencHeader:
    """A ``=ybegin`` line: the file's name and size, and which part of how many comes."""

    name: bytes
    size: int
    part: int
    total: int


def header_of(line: bytes) -> YencHeader | None:
    """The header that a line is, or None: ``=ybegin`` with the size, line and name it must have."""
    if not line.startswith(b"=ybegin "):
        return None
    before, name, _ = (*_NAME.split(line, maxsplit=1), b"", b"")[:3]
    fields = _fields(before)
    if b"size" not in fields or b"line" not in fields or not name.strip():
        return None
    return YencHeader(
        name=name.strip().strip(b'"'),
        size=_decimal(fields, b"size"),
        part=_decimal(fields, b"part"),
        total=_decimal(fields, b"total"),
    )


class YencDecoder:
    """Decodes the lines of one part and checks it against its trailer."""

    def __init__(self) -> None:
        self.size = 0
        self._crc = 0
        self._escape = False  # the last line ended in the middle of an escape

    def line(self, line: bytes) -> bytes:
        """The bytes of a data line."""
        encoded = line.rstrip(b"\r\n")
        if self._escape:
            encoded = b"=" + encoded
        first, *escaped = encoded.split(b"=")
        self._escape = bool(escaped) and not escaped[-1]
        decoded = first.translate(_PLAIN) + b"".join(
            one[:1].translate(_ESCAPED) + one[1:].translate(_PLAIN) for one in escaped
        )
        self.size += len(decoded)
        self._crc = zlib.crc32(decoded, self._crc)
        return decoded

    def check(self, trailer: bytes) -> list[Flaw]:
        """What is wrong with the part, by its ``=yend`` line."""
        fields = _fields(trailer)
        flaws = [WRONG_SIZE] if _decimal(fields, b"size", self.size) != self.size else []
        crc = fields.get(b"pcrc32", b"" if b"part" in fields else fields.get(b"crc32", b""))
        if crc and int(crc, 16) != self._crc:
            flaws.append(WRONG_CHECKSUM)
        return flaws


def _fields(line: bytes) -> dict[bytes, bytes]:
    return dict(_FIELD.findall(line))


def _decimal(fields: dict[bytes, bytes], key: bytes, default: int = 0) -> int:
    text = fields.get(key, b"")
    return int(text) if text.isdigit() and len(text) <= 18 else default
