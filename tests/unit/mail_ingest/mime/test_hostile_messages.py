"""Messages made to cost much cost little: bounded time, flat memory, every limit named."""

from __future__ import annotations

import base64
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from mail_ingest.mime.reader import MimeReader
from tests.support.cms_encoder import signed, signed_in_pieces
from tests.support.tnef_encoder import File, tnef

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 20_000_000
CHUNK = 160 * 1024  # as `mail_ingest.extract` reads
SECONDS = 1.5  # of processor time, on one core of a small machine
MEMORY = 4 << 20
HEAD = b'Content-Type: multipart/mixed; boundary="Apple-Mail-1"\r\n\r\n'
PART = b"--Apple-Mail-1\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: %s\r\n\r\n"
NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=%c%d\r\n\r\n--%c%d\r\n" % (65 + n, n, 65 + n, n)
    for n in range(31)
)
NESTED_CMS = signed_in_pieces(b"", 1).replace(b"\x24\x80", b"\x24\x80" * 1_000_000)

REPEATED = {
    "tiny-parts": (HEAD, b"--Apple-Mail-1\r\n\r\nx\r\n"),
    "header-lines": (b"", b"X: y\r\n"),
    "one-header-line": (b"Subject: ", b"x"),
    "unindented-lines": (b"A: b\n", b"x\n"),
    "blank-lines-first": (b"", b"\n"),
    "mbox-lines-first": (b"", b"From x\n"),
    "lines-that-begin-as-the-boundary": (HEAD + PART % b"8bit", b"--Apple-Mail-1x\r\n"),
    "lines-that-nearly-are-the-boundary": (HEAD + PART % b"8bit", b"--Apple-Mail-\r\n"),
    "lines-of-two-hyphens": (HEAD + PART % b"8bit", b"--\r\n"),
    "lines-of-two-hyphens-thirty-deep": (NESTED + b"\r\n", b"--\r\n"),
    "messages-in-messages": (b"", b"Content-Type: message/rfc822\r\n\r\n"),
    "base64-of-hyphens": (HEAD + PART % b"base64", b"-" * 76 + b"\r\n"),
    "base64-of-padding": (HEAD + PART % b"base64", b"A===\r\n"),
    "base64-of-stray-padding": (HEAD + PART % b"base64", b"AAAA="),
    "base64-in-one-line": (HEAD + PART % b"base64", b"QUJD"),
    "base64-in-odd-lines": (HEAD + PART % b"base64", b"A" * 75 + b"\r\n"),
    "quoted-printable-in-one-line": (HEAD + PART % b"quoted-printable", b"=41"),
    "quoted-printable-of-blanks": (HEAD + PART % b"quoted-printable", b"= "),
}


def chunks(name: str) -> Iterator[bytes]:
    head, unit = REPEATED[name]
    yield head
    block = unit * (CHUNK // len(unit))
    for _ in range(SIZE // len(block)):
        yield block


def deep() -> Iterator[bytes]:
    for n in range(100_000):
        yield b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)


def cost(pieces: Iterator[bytes]) -> float:
    reader = MimeReader()
    started = time.process_time()
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    return time.process_time() - started


@pytest.mark.parametrize("name", REPEATED)
def test_twenty_megabytes_cost_little_time(name: str) -> None:
    assert cost(chunks(name)) <= SECONDS


@pytest.mark.parametrize(
    "name", ["tiny-parts", "base64-of-stray-padding", "one-header-line", "header-lines"]
)
def test_memory_stays_flat(name: str) -> None:
    tracemalloc.start()
    try:
        cost(chunks(name))
        assert tracemalloc.get_traced_memory()[1] <= MEMORY
    finally:
        tracemalloc.stop()


def test_a_hundred_thousand_multiparts_inside_each_other_cost_little_time() -> None:
    assert cost(deep()) <= SECONDS


@pytest.mark.parametrize(
    "value",
    [
        b'image/png; name="' + b'";"' * 250_000,
        b"image/png" + b'; a="b' * 160_000,
        b"image/png; " + b"a " * 500_000,
        b"image/png; name*0*=a" + b"".join(b";name*%d*=%%41" % n for n in range(60_000)),
        b'image/png; name="' + b"=?utf-8?q?a?= " * 70_000,
        b'image/png; name="' + b"=?utf-8?q?" * 100_000,
        b'image/png; name="' + b"\\" * 1_000_000,
        b"image/png; " + b"=" * 1_000_000,
        b"image/png; name=a" + b" " * 1_000_000 + b"b",
        b"(" * 1_000_000,
        b"a" + b" " * 1_000_000,
    ],
    ids=range(11),
)
def test_a_megabyte_of_one_field_costs_little_time(value: bytes) -> None:
    fields = b"Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\nx" % (
        value[:900_000],
        value[:90_000],
    )
    assert cost(iter([fields])) <= SECONDS / 4


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/ms-tnef", tnef(File(name="a.jpg", content=bytes(SIZE)))),
        ("application/pkcs7-mime", signed(b"Content-Type: image/jpeg\r\n\r\n" + bytes(SIZE))),
        ("application/pkcs7-mime", NESTED_CMS),
    ],
    ids=["tnef", "signed", "deep-ber"],
)
def test_a_container_is_opened_in_flat_memory(media_type: str, content: bytes) -> None:
    head = f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
    raw = head + base64.encodebytes(content)
    pieces = [raw[at : at + CHUNK] for at in range(0, len(raw), CHUNK)]
    tracemalloc.start()
    try:
        cost(iter(pieces))
        assert tracemalloc.get_traced_memory()[1] <= MEMORY
    finally:
        tracemalloc.stop()
