"""Files that are written into the text of a mail: uuencode, yEnc, and BinHex, which is not undone.

The scanner takes a text body in pieces of any size and tells the text from the files in it. It
holds back no more than a few lines, and what it says does not depend on how the body is cut.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mail_ingest.mime.formats import uuencode, yenc
from mail_ingest.mime.formats.yenc import YencDecoder, YencHeader

if TYPE_CHECKING:
    from collections.abc import Generator

    from mail_ingest.mime.defects import Flaw


class Encoding(StrEnum):
    """How a file is written into a text."""

    UUENCODE = "uuencode"
    YENC = "yenc"
    BINHEX = "binhex"  # its data is given as it stands


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes of the text around the files."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A file begins; `name` is as it is written there, in no charset that anybody tells."""

    name: bytes
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class FileData:
    """The next bytes of the file, decoded."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FileEnded:
    """The file is over, and this was wrong with it."""

    flaws: tuple[Flaw, ...]


type Piece = Text | FileStarted | FileData | FileEnded

type _Lines = Generator[None, bytes | None, bytes | None]
"""Lines go in, None when the body is over; the first line that is no longer its own comes back."""

_BINHEX_LINE = b"(This file must be converted with BinHex"
_FIRST_WORDS = (b"begin ", b"=ybegin ", _BINHEX_LINE)  # of a line that may begin a file
_LONGEST_LINE = 4096
_MOST_DAMAGED_LINES = 16  # in a row, in a uuencoded file
_LINE = re.compile(rb"[^\n]{0,4095}+\n|[^\n]{4096}")  # a longer line comes in pieces


class EmbeddedFileScanner:
    """Bytes of a text body in, pieces out. After `close` it is of no more use."""

    def __init__(self) -> None:
        self._carry = b""  # the beginning of a line
        self._pieces: list[Piece] = []
        self._data = bytearray()  # of the file that we are in, or of the text
        self._in_text = True
        self._at_line_start = True
        self._idle = True  # no file is going on, nor a line that may begin one
        self._lines = self._scan()
        next(self._lines)

    def feed(self, data: bytes) -> list[Piece]:
        """What can be told by now."""
        self._carry += data
        if b"\n" in data or len(self._carry) >= _LONGEST_LINE:
            self._take(self._carry)
        return self._handed_over()

    def close(self) -> list[Piece]:
        """What remains when the body is over."""
        if self._carry:
            self._lines.send(self._carry)
        with suppress(StopIteration):
            self._lines.send(None)
        return self._handed_over()

    def _take(self, data: bytes) -> None:
        end = data.rfind(b"\n") + 1
        if self._idle and not _may_begin_a_file(data, end):
            self._data += data[:end]  # nearly every body, in one step
            self._at_line_start = bool(end) or self._at_line_start
        else:
            end = 0
        for match in _LINE.finditer(data, end):
            self._lines.send(match[0])
            self._at_line_start = match[0].endswith(b"\n")
            end = match.end()
        self._carry = data[end:]

    def _handed_over(self) -> list[Piece]:
        self._flush()
        pieces, self._pieces = self._pieces, []
        return pieces

    def _flush(self) -> None:
        if self._data:
            data = bytes(self._data)
            self._pieces.append(Text(data) if self._in_text else FileData(data))
            self._data.clear()

    def _start(self, name: bytes, encoding: Encoding) -> None:
        self._flush()
        self._in_text = False
        self._pieces.append(FileStarted(name, encoding))

    def _end(self, *flaws: Flaw) -> None:
        self._flush()
        self._in_text = True
        self._pieces.append(FileEnded(tuple(dict.fromkeys(flaws))))

    def _scan(self) -> _Lines:
        line = yield
        while line is not None:
            self._idle = False
            if self._at_line_start and (header := yenc.header_of(line)):
                line = yield from self._yenc_file(header)
            elif self._at_line_start and (name := uuencode.begin_line_name(line)) is not None:
                line = yield from self._uuencoded_file(line, name)
            elif self._at_line_start and line.startswith(_BINHEX_LINE):
                line = yield from self._binhex_file(line)
            else:
                self._data += line
                self._idle = True
                line = yield
        return None

    def _uuencoded_file(self, begin_line: bytes, name: bytes) -> _Lines:
        line = yield
        if line is None or not uuencode.is_first_data_line(line):
            self._data += begin_line  # a sentence that only looks like a begin line
            return line
        self._start(name, Encoding.UUENCODE)
        flaws: list[Flaw] = []
        while line is not None and not uuencode.is_end_line(line):
            if uuencode.decode_line(line)[1] is uuencode.BAD_LINE:
                damaged, line = yield from self._damaged_lines(line)
                if line is None or not _goes_on(line):
                    self._end(*flaws, uuencode.NO_END)
                    self._data += b"".join(damaged)  # the text goes on: the end line is missing
                    return line
                flaws += [flaw for each in damaged if (flaw := self._uuencoded_line(each))]
                continue
            flaws += [flaw] if (flaw := self._uuencoded_line(line)) else []
            line = yield
        if line is None:
            self._end(*flaws, uuencode.NO_END)
            return None
        self._end(*flaws)
        return (yield)

    def _uuencoded_line(self, line: bytes) -> Flaw | None:
        decoded, flaw = uuencode.decode_line(line)
        self._data += decoded
        return flaw

    def _damaged_lines(
        self, line: bytes
    ) -> Generator[None, bytes | None, tuple[list[bytes], bytes | None]]:
        """Whether a file goes on behind a line that makes no sense is told by what follows: gives
        the lines up to one that is certainly of the file, or certainly not, and that line.
        """
        damaged: list[bytes] = []
        following: bytes | None = line
        while following is not None and len(damaged) < _MOST_DAMAGED_LINES:
            if _goes_on(following) or _may_begin_a_file(following, 0):
                break
            damaged.append(following)
            following = yield
        return damaged, following

    def _yenc_file(self, header: YencHeader) -> _Lines:
        """One file: a single part, or as many parts of it as follow each other."""
        self._start(header.name, Encoding.YENC)
        flaws: list[Flaw] = [] if header.part <= 1 else [yenc.PART_MISSING]
        while True:
            line, trailer_flaws = yield from self._yenc_part()
            flaws += trailer_flaws
            while line is not None and header.part < header.total and not line.strip():
                line = yield  # blank lines between the parts
            following = yenc.header_of(line) if line else None
            if not following or following.name != header.name or following.part <= header.part:
                break
            if following.part != header.part + 1:
                flaws.append(yenc.PART_MISSING)
            header = following
        self._end(*flaws, *([yenc.PART_MISSING] if header.part < header.total else []))
        return line

    def _yenc_part(self) -> Generator[None, bytes | None, tuple[bytes | None, list[Flaw]]]:
        decoder = YencDecoder()
        line = yield
        while line is not None and not line.startswith((b"=yend", b"=ybegin ")):
            if not line.startswith(b"=ypart "):
                self._data += decoder.line(line)
            line = yield
        if line is None or not line.startswith(b"=yend"):
            return line, [yenc.NO_END]
        flaws = decoder.check(line)
        return (yield), flaws

    def _binhex_file(self, first: bytes) -> _Lines:
        """RFC 1741: up to the line that ends with the second colon; nothing of it is decoded."""
        self._start(b"", Encoding.BINHEX)
        line: bytes | None = first
        colons = 0
        while line is not None and colons < 2:
            self._data += line
            colons += line.count(b":")
            line = yield
        self._end()
        return line


def _goes_on(line: bytes) -> bool:
    """Whether a line is certainly of a uuencoded file."""
    return uuencode.is_end_line(line) or uuencode.is_full_data_line(line)


def _may_begin_a_file(data: bytes, end: int) -> bool:
    """Whether a line before `end` may; a regular expression takes ten times as long to say so."""
    return data.startswith(_FIRST_WORDS) or any(
        data.find(b"\n" + words, 0, end) >= 0 for words in _FIRST_WORDS
    )
