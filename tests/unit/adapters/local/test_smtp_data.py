from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.local.smtp_data import DataDecoder


def decode(sent: bytes, step: int) -> tuple[bytes, bytes]:
    """The message in what was sent in steps, and what followed it."""
    decoder = DataDecoder()
    message = b""
    for start in range(0, len(sent), step):
        message += decoder.feed(sent[start : start + step])
        if decoder.ended:
            return message, decoder.rest + sent[start + step :]
    raise AssertionError("the data did not end")


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 7, 4096])
@pytest.mark.parametrize(
    ("sent", "message", "rest"),
    [
        (b".\r\n", b"", b""),
        (b"\r\n.\r\n", b"\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n", b""),
        (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
        (b"..\r\n.\r\n", b".\r\n", b""),
        (b".a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n", b""),
        (b"a\n.\nb\n.\r\nc\r\n.\nd\r\n.\r\n", b"a\n.\nb\n.\r\nc\r\n\nd\r\n", b""),
        (b"a\r.\r\r\n.\r\n", b"a\r.\r\r\n", b""),
        (b"x" * 9000 + b"\x00\xff\r\n.\r\n", b"x" * 9000 + b"\x00\xff\r\n", b""),
    ],
)
def test_only_a_dot_between_two_line_ends_ends_the_data(
    sent: bytes, message: bytes, rest: bytes, step: int
) -> None:
    assert decode(sent, step) == (message, rest)


LINES = st.lists(st.binary(max_size=6).map(lambda b: b.replace(b"\r", b".").replace(b"\n", b".")))


@given(lines=LINES, step=st.integers(1, 9))
def test_what_a_client_stuffs_with_dots_comes_out_as_it_was(lines: list[bytes], step: int) -> None:
    message = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines)
    assert decode(stuffed + b".\r\nRSET\r\n", step) == (message, b"RSET\r\n")
