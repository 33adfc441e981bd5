"""Base64 keeps what decodes, and decodes alike however it is cut."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from mail_ingest.mime.base64_decoder import Base64Decoder

PIECES = st.lists(
    st.sampled_from(
        [b"QUJD", b"QQ==", b"QUI=", b"A", b"=", b"\r\n", b"\n", b"x-", b"\0", b"Q" * 76]
    ),
    max_size=12,
).map(b"".join)


def decode(raw: bytes, chunk: int) -> tuple[bytes, list[str]]:
    decoder = Base64Decoder()
    out = [
        piece
        for start in range(0, len(raw), chunk)
        for piece in decoder.feed(raw[start : start + chunk])
    ]
    return b"".join(out) + decoder.close(), [flaw.sentence for flaw in decoder.flaws]


@given(PIECES, st.integers(1, 90))
def test_how_base64_is_cut_changes_nothing(raw: bytes, chunk: int) -> None:
    assert decode(raw, chunk) == decode(raw, len(raw) or 1)


@given(st.binary(max_size=900), st.integers(1, 100), st.sampled_from([b"\r\n", b"\n"]))
def test_lines_of_any_width_decode(content: bytes, width: int, line_end: bytes) -> None:
    letters = base64.b64encode(content)
    lines = (letters[at : at + width] for at in range(0, len(letters), width))
    raw = line_end + line_end.join(lines) + line_end
    assert decode(raw, 4096) == (content, [])
