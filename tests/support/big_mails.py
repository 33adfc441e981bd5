"""Mails that are too large to keep: made on the fly, in chunks, the same every time."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

from tests.support.mail_builder import KARI, NEWSROOM, attached, base64_lines, header, media

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOUNDARY = b"=_big"
_OPEN = b"\r\n--" + _BOUNDARY + b"\r\n"
_CLOSE = b"\r\n--" + _BOUNDARY + b"--\r\n"


def many_attachments(count: int = 500) -> Iterator[bytes]:
    """A mail with this many different photos of 4 KB."""
    photo = media("small/moon.jpg")
    yield _head("Many", f'multipart/mixed; boundary="{_BOUNDARY.decode()}"')
    for number in range(count):
        yield _OPEN + attached(f"IMG_{number:05}.jpg", photo + b"%05d" % number)
    yield _CLOSE


def one_large_video(size: int) -> Iterator[bytes]:
    """A mail with one video of about `size` bytes: real at its start, then filled up."""
    start = media("small/clip.mp4")
    start += bytes(-len(start) % 57)
    filler = base64_lines(bytes(range(57)) * 1000)
    yield _head("Large", f'multipart/mixed; boundary="{_BOUNDARY.decode()}"')
    yield _OPEN + attached("film.mp4", start, "video/mp4")
    yield from repeat(filler, max(0, size - len(start)) // 57_000)
    yield _CLOSE


def tiny_parts(size: int) -> Iterator[bytes]:
    """A photo, then as many empty parts as fit into `size` bytes."""
    yield from _photo_first("Tiny")
    yield from _filled(b"\r\n--" + _BOUNDARY + b"\r\n\r\n", size)


def almost_boundaries(size: int) -> Iterator[bytes]:
    """A photo, then lines that start as a boundary does and are none."""
    yield from _photo_first("Almost")
    yield _OPEN + b"\r\n"
    yield from _filled(b"\r\n--" + _BOUNDARY[:-1], size)


def boundary_prefixes(size: int) -> Iterator[bytes]:
    """A photo, then lines that go on after the boundary, which some readers take for it."""
    yield from _photo_first("Prefixes")
    yield from _filled(b"\r\n--" + _BOUNDARY + b"x", size)


def deep_multiparts(depth: int) -> Iterator[bytes]:
    """A photo, then multiparts inside each other."""
    yield from _photo_first("Deep")
    yield _OPEN + b'Content-Type: multipart/mixed; boundary="b0"\r\n'
    for level in range(depth):
        yield b'\r\n--b%d\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n' % (level, level + 1)


def deep_messages(depth: int) -> Iterator[bytes]:
    """Messages inside each other."""
    yield header(("From", KARI), ("To", NEWSROOM))
    yield from repeat(b"Content-Type: message/rfc822\r\n\r\n", depth)


def header_bomb(size: int) -> Iterator[bytes]:
    """A header that does not end, in short lines."""
    yield header(("From", KARI), ("To", NEWSROOM))
    yield from _filled(b"X-A: b\r\n", size)


def endless_header_line(size: int) -> Iterator[bytes]:
    """A header field that does not end, in one line."""
    yield header(("From", KARI), ("To", NEWSROOM)) + b"Subject: "
    yield from _filled(b"a" * 76, size)


def _photo_first(subject: str) -> Iterator[bytes]:
    yield _head(subject, f'multipart/mixed; boundary="{_BOUNDARY.decode()}"')
    yield _OPEN + attached("moon.jpg", media("small/moon.jpg"))


def _head(subject: str, content_type: str) -> bytes:
    fields = (("Subject", subject), ("MIME-Version", "1.0"), ("Content-Type", content_type))
    return header(("From", KARI), ("To", NEWSROOM), *fields)


def _filled(piece: bytes, size: int) -> Iterator[bytes]:
    """`size` bytes of copies of a piece, in chunks of about 64 KB."""
    chunk = piece * max(1, 65_536 // len(piece))
    return chain(repeat(chunk, size // len(chunk)), [chunk[: size % len(chunk)]])
