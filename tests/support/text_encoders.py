"""Writes files into text as uuencode and yEnc do, for tests and fixtures only."""

from __future__ import annotations

import binascii
import zlib


def uuencode(content: bytes, name: str, *, end: bool = True) -> bytes:
    """A uuencoded file with LF line ends."""
    lines = [b"begin 644 " + name.encode("latin-1")]
    for at in range(0, len(content), 45):
        encoded = binascii.b2a_uu(content[at : at + 45], backtick=True)
        lines.append(encoded.rstrip(b"\n"))
    return b"\n".join([*lines, b"`", *([b"end"] if end else []), b""])


def yenc(content: bytes, name: str, *, size: int | None = None) -> bytes:
    """A file in one yEnc part, with CRLF line ends."""
    said = len(content) if size is None else size
    head = f"=ybegin line=128 size={said} name={name}\r\n".encode()
    tail = f"=yend size={said} crc32={zlib.crc32(content):08x}\r\n".encode()
    return head + yenc_lines(content) + tail


def yenc_part(content: bytes, name: str, *, part: int, sizes: list[int]) -> bytes:
    """Part `part` (from 1) of a file whose parts have these sizes."""
    begin = sum(sizes[: part - 1])
    piece = content[begin : begin + sizes[part - 1]]
    head = f"=ybegin part={part} total={len(sizes)} line=128 size={len(content)} name={name}\r\n"
    head += f"=ypart begin={begin + 1} end={begin + len(piece)}\r\n"
    tail = f"=yend size={len(piece)} part={part} pcrc32={zlib.crc32(piece):08x}\r\n"
    return head.encode() + yenc_lines(piece) + tail.encode()


def yenc_lines(content: bytes) -> bytes:
    """The data lines."""
    lines: list[bytes] = []
    for at in range(0, len(content), 128):
        line = bytearray()
        for byte in content[at : at + 128]:
            encoded = (byte + 42) & 0xFF
            if encoded in b"\0\r\n=":
                line += bytes([ord("="), (encoded + 64) & 0xFF])
            else:
                line.append(encoded)
        lines.append(bytes(line))
    return b"".join(line + b"\r\n" for line in lines)
