"""Messages out of mbox files, written well and badly."""

from __future__ import annotations

import hashlib
import mailbox
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_ingest.mbox import is_mbox, lines, messages

if TYPE_CHECKING:
    from pathlib import Path

FROM = b"From kari@example.org Tue Nov 24 12:00:00 2026\n"
ONE = b"Subject: one\n\nHello\n"
TWO = b"Subject: two\r\n\r\nHello\r\n"


def contents(raw: bytes) -> list[bytes]:
    file = BytesIO(raw)
    found: list[bytes] = []
    for message in list(messages(file)):
        file.seek(message.start)
        content = b"".join(lines(file))
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            message.size,
            message.sha256,
        )
        found.append(content)
    return found


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (FROM + ONE, [ONE]),
        (FROM + ONE + b"\n", [ONE]),
        (FROM + ONE + b"\n" + FROM + TWO + b"\r\n", [ONE, TWO]),
        (FROM + b"\n" + FROM + ONE, [ONE]),
        (FROM, []),
        (b"From -\n" + ONE, [ONE]),
        (FROM + ONE + b"\nFrom now on we meet here.\n", [ONE + b"\nFrom now on we meet here.\n"]),
        (FROM + ONE + FROM, [ONE + FROM]),
        (FROM + ONE + b">From me\n>>From you\n> From\n", [ONE + b"From me\n>From you\n> From\n"]),
        (FROM + ONE + b"\n\n\n" + FROM + TWO, [ONE + b"\n\n", TWO]),
        (FROM + b"no line end", [b"no line end"]),
    ],
)
def test_messages_are_split_and_unquoted(raw: bytes, found: list[bytes]) -> None:
    assert contents(raw) == found


def test_a_line_longer_than_memory_is_read_in_pieces() -> None:
    long = b"x" * 200_000 + b"From " + b">From " * 20_000 + b"\n"
    assert contents(FROM + ONE + long + b"\n" + FROM + TWO) == [ONE + long, TWO]


def test_what_the_standard_library_writes_is_read(tmp_path: Path) -> None:
    written = mailbox.mbox(tmp_path / "box")
    for raw in (ONE, b"Subject: three\n\nFrom here\n\nto there\n"):
        written.add(raw)
    written.close()
    raw = (tmp_path / "box").read_bytes()
    assert is_mbox(raw)
    assert contents(raw) == [ONE, b"Subject: three\n\nFrom here\n\nto there\n"]


@given(
    st.lists(st.sampled_from([b"\n", b"\r\n", FROM, b">From x\n", b"a\n", b"From "]), max_size=12)
)
def test_any_mbox_is_read_to_its_end(pieces: list[bytes]) -> None:
    contents(FROM + b"".join(pieces))
