"""Files in the text of a mail."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_ingest.mime.formats import uuencode as uu
from mail_ingest.mime.formats import yenc as ye
from mail_ingest.mime.formats.embedded import (
    EmbeddedFileScanner,
    Encoding,
    FileData,
    FileEnded,
    FileStarted,
    Piece,
    Text,
)
from tests.support.text_encoders import uuencode, yenc, yenc_part

CONTENT = bytes(range(256)) * 3


def scanned(raw: bytes, size: int = 1 << 20) -> tuple[Piece, ...]:
    """The pieces, with neighbours of one kind joined."""
    scanner = EmbeddedFileScanner()
    cuts = [raw[at : at + size] for at in range(0, len(raw), size)]
    pieces = [piece for cut in cuts for piece in scanner.feed(cut)]
    joined: list[Piece] = []
    for piece in pieces + scanner.close():
        last = joined[-1] if joined else None
        if isinstance(piece, Text) and isinstance(last, Text):
            joined[-1] = Text(last.data + piece.data)
        elif isinstance(piece, FileData) and isinstance(last, FileData):
            joined[-1] = FileData(last.data + piece.data)
        else:
            joined.append(piece)
    return tuple(joined)


@pytest.mark.parametrize("size", [1, 7, 4096, 262_144])
def test_several_files_in_one_text_come_apart(size: int) -> None:
    raw = b"Two photos:\n" + uuencode(CONTENT, "one.jpg") + b"\nand\n"
    raw += uuencode(b"GIF89a", "two.gif") + b"Bye.\n"
    assert scanned(raw, size) == (
        Text(b"Two photos:\n"),
        FileStarted(b"one.jpg", Encoding.UUENCODE),
        FileData(CONTENT),
        FileEnded(()),
        Text(b"\nand\n"),
        FileStarted(b"two.gif", Encoding.UUENCODE),
        FileData(b"GIF89a"),
        FileEnded(()),
        Text(b"Bye.\n"),
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Hello.\r\n",
        b"begin 644 is how uuencode begins.\r\nSo it does.\r\n",
        b"begin 644 x",
        b"x" * 10_000 + b"begin 644 a\n#0V%T\n`\nend\n",
        b"=ybegin is a keyword\r\n",
    ],
)
def test_a_text_without_files_stays_as_it_is(raw: bytes) -> None:
    assert b"".join(piece.data for piece in scanned(raw) if isinstance(piece, Text)) == raw


def test_a_file_without_an_end_line_ends_where_the_prose_goes_on() -> None:
    raw = uuencode(CONTENT, "a", end=False) + b"and that was the photo\n"
    assert scanned(raw)[1:] == (
        FileData(CONTENT),
        FileEnded((uu.NO_END,)),
        Text(b"and that was the photo\n"),
    )


def test_a_file_that_begins_inside_another_is_one_of_its_own() -> None:
    raw = uuencode(CONTENT, "a", end=False) + uuencode(b"b", "b")
    names = [piece.name for piece in scanned(raw) if isinstance(piece, FileStarted)]
    assert names == [b"a", b"b"]


@pytest.mark.parametrize("damaged", [1, 3, 15])
def test_lines_that_make_no_sense_cost_themselves_only(damaged: int) -> None:
    content = bytes(range(256)) * 80
    lines = uuencode(content, "a.jpg").split(b"\n")
    sensible = len(lines[:20]) - 1
    for number in range(20, 20 + damaged):
        lines[number] = b"M\xe9\xe9 what a line"
    lost = slice(45 * sensible, 45 * (sensible + damaged))
    pieces = scanned(b"\n".join(lines) + b"Bye.\n")
    file = b"".join(piece.data for piece in pieces if isinstance(piece, FileData))
    assert file == content[: lost.start] + content[lost.stop :]
    assert pieces[-2:] == (FileEnded((uu.BAD_LINE,)), Text(b"Bye.\n"))


def test_a_damaged_line_just_before_the_end_costs_itself_only() -> None:
    lines = uuencode(CONTENT, "a.jpg").split(b"\n")
    last_full = max(number for number, line in enumerate(lines) if line.startswith(b"M"))
    lines[last_full] = b"m what a line"
    file = b"".join(
        piece.data for piece in scanned(b"\n".join(lines)) if isinstance(piece, FileData)
    )
    assert file == CONTENT[: 45 * (last_full - 1)] + CONTENT[45 * last_full :]


@pytest.mark.parametrize("surplus", [b"`#!", b" 8.", b"`" * 40, b"=20", b"\xe9\xe9\xe9\xe9"])
def test_what_is_added_to_a_line_costs_nothing(surplus: bytes) -> None:
    lines = uuencode(CONTENT, "a.jpg").split(b"\n")
    raw = b"\n".join(line + surplus if line.startswith(b"M") else line for line in lines)
    assert scanned(raw)[-2:] == (FileData(CONTENT), FileEnded(()))


def test_a_bad_byte_keeps_the_file() -> None:
    raw = bytearray(uuencode(CONTENT, "a"))
    raw[80] = 0xE9
    assert scanned(bytes(raw))[-1] == FileEnded((uu.BAD_BYTES,))


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_yenc_file_comes_out_with_its_checksum_checked(size: int) -> None:
    assert scanned(b"Look:\r\n" + yenc(CONTENT, "fire 1.jpg") + b"Bye\r\n", size) == (
        Text(b"Look:\r\n"),
        FileStarted(b"fire 1.jpg", Encoding.YENC),
        FileData(CONTENT),
        FileEnded(()),
        Text(b"Bye\r\n"),
    )


def test_the_parts_of_a_yenc_file_are_joined() -> None:
    sizes = [300, 300, 168]
    parts = [yenc_part(CONTENT, "a.jpg", part=n, sizes=sizes) for n in (1, 2, 3)]
    pieces = scanned(b"\r\n".join(parts))
    assert pieces[1:] == (FileData(CONTENT), FileEnded(()))


def test_a_missing_part_of_a_yenc_file_is_a_flaw() -> None:
    sizes = [300, 300, 168]
    parts = [yenc_part(CONTENT, "a.jpg", part=n, sizes=sizes) for n in (1, 3)]
    assert scanned(b"".join(parts))[-1] == FileEnded((ye.PART_MISSING,))
    assert scanned(parts[0])[-1] == FileEnded((ye.PART_MISSING,))


def test_a_wrong_size_and_a_wrong_checksum_are_flaws() -> None:
    assert scanned(yenc(CONTENT, "a", size=5))[-1] == FileEnded((ye.WRONG_SIZE,))
    damaged = yenc(CONTENT, "a").replace(b"crc32=", b"crc32=f")
    assert scanned(damaged)[-1] == FileEnded((ye.WRONG_CHECKSUM,))


def test_a_yenc_file_without_an_end_is_kept() -> None:
    raw = yenc(CONTENT, "a").split(b"=yend")[0]
    assert scanned(raw)[1:] == (FileData(CONTENT), FileEnded((ye.NO_END,)))


def test_binhex_is_named_and_left_as_it_is() -> None:
    packed = (
        b'(This file must be converted with BinHex 4.0)\r\n\r\n:$\'*XG@9LB@aX\r\n,R"ZC`"#5:\r\n'
    )
    assert scanned(b"Hi\r\n" + packed + b"Bye\r\n") == (
        Text(b"Hi\r\n"),
        FileStarted(b"", Encoding.BINHEX),
        FileData(packed),
        FileEnded(()),
        Text(b"Bye\r\n"),
    )


LINES = [
    b"begin 644 a.jpg\n", b"#0V%T\n", b"`\n", b"end\n", b"M", b"prose\r\n", b"\n", b":\n", b"=",
    b"=yend size=3\r\n", b"=ybegin line=128 size=3 name=a\r\n", b"=ypart begin=1 end=2\r\n",
    b"=ybegin part=1 total=2 line=9 size=3 name=a\n", b"(This file must be converted with BinHex\n",
    b"x" * 4096,
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=12), st.sampled_from([1, 3, 100, 5000]))
def test_the_pieces_do_not_depend_on_the_cuts(lines: list[bytes], size: int) -> None:
    raw = b"".join(lines)
    assert scanned(raw, size) == scanned(raw)


def test_a_body_of_begin_lines_is_read_in_linear_time() -> None:
    start = time.process_time()
    scanned(b"begin 644 a\n" * 50_000, 65536)
    assert time.process_time() - start < 3
