"""Quoted-printable decodes alike however it is cut, and loses nothing that was put in."""

from __future__ import annotations

import binascii

from hypothesis import given
from hypothesis import strategies as st

from mail_ingest.mime.quoted_printable import QuotedPrintableDecoder

PIECES = st.lists(
    st.sampled_from(
        [
            b"=41",
            b"=4",
            b"=",
            b"=\r\n",
            b"= \t\r\n",
            b"=3D ",
            b"= ",
            b"\n",
            b"x" * 90,
            b"=\n",
            b"=ZZ",
        ]
    ),
    max_size=12,
).map(b"".join)


def decode(raw: bytes, chunk: int) -> bytes:
    decoder = QuotedPrintableDecoder()
    out = [
        piece
        for start in range(0, len(raw), chunk)
        for piece in decoder.feed(raw[start : start + chunk])
    ]
    return b"".join(out) + decoder.close()


@given(PIECES, st.integers(1, 90))
def test_how_it_is_cut_changes_nothing(raw: bytes, chunk: int) -> None:
    assert decode(raw, chunk) == decode(raw, len(raw) or 1)


@given(st.binary(max_size=900), st.integers(1, 100))
def test_what_was_put_in_comes_out(content: bytes, chunk: int) -> None:
    assert decode(binascii.b2a_qp(content, istext=False), chunk) == content


@given(st.integers(1, 6000), st.integers(1, 5000))
def test_a_long_line_is_cut_nowhere_inside_an_escape(count: int, chunk: int) -> None:
    assert decode(b"=41" * count + b"= \r\n=42", chunk) == b"A" * count + b"B"


def test_blanks_after_a_soft_break_are_the_transport_s() -> None:
    assert decode(b"a= \t\r\nb=\t\nc", 100) == b"abc"
