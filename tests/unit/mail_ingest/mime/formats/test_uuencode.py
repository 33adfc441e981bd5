"""Uuencode as a transfer encoding, whole and damaged."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_ingest.mime.formats.uuencode import (
    BAD_BYTES,
    BAD_LINE,
    NO_BEGIN,
    NO_END,
    UuDecoder,
    begin_line_name,
)
from tests.support.text_encoders import uuencode

CONTENT = bytes(range(256)) * 3


def decoded(raw: bytes, size: int = 1 << 20) -> tuple[bytes, UuDecoder]:
    decoder = UuDecoder()
    pieces = [b"".join(decoder.feed(raw[at : at + size])) for at in range(0, len(raw), size)]
    return b"".join(pieces) + decoder.close(), decoder


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_whole_file_comes_back(size: int, line_end: bytes) -> None:
    raw = b"\r\n" + uuencode(CONTENT, "my photo.jpg").replace(b"\n", line_end) + b"prose\r\n"
    content, decoder = decoded(raw, size)
    assert (content, decoder.file_name, decoder.flaws) == (CONTENT, b"my photo.jpg", ())


def test_blanks_that_a_transport_took_are_put_back() -> None:
    with_blanks = uuencode(CONTENT, "a").replace(b"`", b" ")
    stripped = b"\n".join(line.rstrip(b" ") for line in with_blanks.split(b"\n"))
    assert decoded(stripped)[0] == CONTENT


def test_a_checksum_character_on_each_line_is_ignored() -> None:
    lines = uuencode(CONTENT, "a").split(b"\n")
    raw = b"\n".join(line + b"`#" if line[:1] == b"M" else line for line in lines)
    assert decoded(raw)[0] == CONTENT


def test_a_bad_byte_costs_three_bytes() -> None:
    raw = uuencode(CONTENT, "a")
    second = raw.index(b"\n", raw.index(b"\n") + 1) + 1
    damaged = raw[: second + 5] + b"\xe9" + raw[second + 6 :]
    content, decoder = decoded(damaged)
    assert len(content) == len(CONTENT)
    assert sum(a != b for a, b in zip(content, CONTENT, strict=True)) <= 3
    assert decoder.flaws == (BAD_BYTES,)


def test_a_line_of_nonsense_costs_itself_only() -> None:
    lines = uuencode(CONTENT, "a").split(b"\n")
    raw = b"\n".join([*lines[:3], b"a sentence in the middle", *lines[3:]])
    content, decoder = decoded(raw)
    assert (content, decoder.flaws) == (CONTENT, (BAD_LINE,))


def test_a_missing_begin_line_and_end_line_are_flaws() -> None:
    raw = uuencode(CONTENT, "a", end=False)
    content, decoder = decoded(raw[raw.index(b"\n") + 1 :])
    assert (content, decoder.flaws) == (CONTENT, (NO_BEGIN, NO_END))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"begin 644 a b.jpg\r\n", b"a b.jpg"),
        (b"begin 0644 x", b"x"),
        (b"begin 644 ", b""),
        (b"begin 644", b""),
        (b"begin the day", None),
        (b"beginning 644 x", None),
    ],
)
def test_begin_lines_are_told_from_sentences(line: bytes, name: bytes | None) -> None:
    assert begin_line_name(line) == name


@settings(deadline=None)
@given(st.binary(), st.sampled_from([1, 3, 1000]))
def test_anything_is_read_alike_in_any_pieces(raw: bytes, size: int) -> None:
    assert decoded(raw, size)[0] == decoded(raw)[0]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_what_the_standard_library_encodes_comes_back(content: bytes) -> None:
    lines = (binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45))
    assert decoded(b"begin 600 f\n" + b"".join(lines) + b" \nend\n")[0] == content
