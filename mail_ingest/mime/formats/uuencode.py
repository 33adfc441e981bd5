"""Uuencode (POSIX.1-2017, uuencode utility), as a transfer encoding and line by line.

Damage costs at most the line that it is in: blanks that a transport took from a line's end are put
back, bytes outside the alphabet count as zero, and each is a flaw.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw
from mail_ingest.mime.effort import TOO_MANY_SHORT_LINES, Effort

if TYPE_CHECKING:
    from collections.abc import Sequence

BAD_BYTES = Flaw(
    clause="POSIX.1 uuencode",
    sentence="Some bytes of a uuencoded file are wrong; the rest is kept.",
)
BAD_LINE = Flaw(
    clause="POSIX.1 uuencode", sentence="A line of a uuencoded file makes no sense; it is left out."
)
NO_BEGIN = Flaw(clause="POSIX.1 uuencode", sentence="A uuencoded file has no begin line.")
NO_END = Flaw(clause="POSIX.1 uuencode", sentence="A uuencoded file has no end line.")

MAX_LINE_BYTES = 998  # RFC 5322 section 2.1.1
_BEGIN = re.compile(rb"begin [0-7]{3,4} ?([^\r\n]{0,900})")
_ALPHABET = bytes(range(0x20, 0x61))
_ZEROED = bytes(byte if byte in _ALPHABET else 0x60 for byte in range(256))
_FULL_LINE_BYTES = 45  # what "M" stands for: every line but the last one of a file
_TRAILING_SLACK = 2  # some encoders add a checksum character or a blank to each line


def begin_line_name(line: bytes) -> bytes | None:
    """The file name of a begin line, which may be empty; None when it is no begin line."""
    match = _BEGIN.fullmatch(line.rstrip())
    return match[1].strip() if match else None


def is_end_line(line: bytes) -> bool:
    """Whether a line ends a uuencoded file."""
    return line.strip() == b"end"


def is_first_data_line(line: bytes) -> bool:
    """Whether a line can follow a begin line; prose that begins with "begin 100" is told by it."""
    decoded, flaw = decode_line(line)
    if flaw is None:
        return bool(decoded) or line.strip() == b"`"
    return flaw is BAD_BYTES and line.startswith(b"M")  # a full line with damage in it


def is_full_data_line(line: bytes) -> bool:
    """Whether a line is certainly data: a full line without a flaw. Prose never is, for its small
    letters are outside the alphabet.
    """
    decoded, flaw = decode_line(line)
    return flaw is None and len(decoded) == _FULL_LINE_BYTES


def decode_line(line: bytes) -> tuple[bytes, Flaw | None]:
    """The bytes of a data line, and what was wrong with it. `BAD_LINE` comes without bytes."""
    line = line.rstrip(b"\r\n")
    if not line:
        return b"", None  # a2b_uu would read the byte after the end
    try:
        return binascii.a2b_uu(line), None
    except binascii.Error:
        return _recovered(line)


def _recovered(line: bytes) -> tuple[bytes, Flaw | None]:
    length = (line[0] - 0x20) & 0x3F
    characters = -(-length // 3) * 4
    body = line[1:]
    clean = not body.translate(None, _ALPHABET)
    fits = characters <= len(body) <= characters + _TRAILING_SLACK
    # Something was added to the line's end (a checksum, a signature, the next line): nothing is
    # lost. Only a full line may have more than a little, or every sentence would be a data line.
    surplus = length == _FULL_LINE_BYTES and not body[:characters].translate(None, _ALPHABET)
    short = clean and len(body) < characters
    if line[0] not in _ALPHABET or not (fits or short or (surplus and len(body) > characters)):
        return b"", BAD_LINE
    said = -(-length * 4 // 3)  # the rest of the last group must be blank
    padded = body[:said].ljust(characters, b"`").translate(_ZEROED)
    harmed = not clean and not surplus
    return binascii.a2b_uu(line[:1] + padded), BAD_BYTES if harmed else None


class UuDecoder:
    """The transfer encoding x-uuencode; see `mail_ingest.mime.transfer.Decoder`.

    What comes before the begin line and after the end line is passed over.
    """

    def __init__(self) -> None:
        self.flaws: Sequence[Flaw] = ()
        self.file_name = b""  # that of the begin line, once it was seen
        self._carry = b""
        self._effort = Effort()
        self._begun = False
        self._ended = False

    def feed(self, data: bytes) -> Sequence[bytes]:
        """Decode every whole line."""
        decoded: list[bytes] = []
        for piece in self._effort.pieces(data):
            if self._ended:
                break
            *lines, self._carry = (self._carry + piece).split(b"\n")
            self._carry = self._carry[: MAX_LINE_BYTES + 1]  # enough to tell that it is too long
            decoded += [self._line(line) for line in lines if line.strip(b"\r")]
            if self._effort.is_out_of_hand:
                self._note(TOO_MANY_SHORT_LINES)
                self._ended = True
        return decoded

    def close(self) -> bytes:
        """Decode a last line that has no end."""
        rest = self._line(self._carry) if self._carry.strip(b"\r") else b""
        self._carry = b""
        if self._begun and not self._ended:
            self._note(NO_END)
        return rest

    def _line(self, line: bytes) -> bytes:
        name = begin_line_name(line) if not self._begun else None
        if name is not None:
            self._begun, self.file_name = True, name
            return b""
        if len(line) > MAX_LINE_BYTES:
            if self._begun and not self._ended:
                self._note(BAD_LINE)
            return b""
        if self._ended or is_end_line(line):
            self._ended = self._ended or self._begun
            return b""
        return self._data(line)

    def _data(self, line: bytes) -> bytes:
        decoded, flaw = decode_line(line)
        if not self._begun:
            if flaw is not None or not decoded:
                return b""  # prose before the file
            self._begun = True
            self._note(NO_BEGIN)
        if flaw is not None:
            self._note(flaw)
        return decoded

    def _note(self, flaw: Flaw) -> None:
        if flaw not in self.flaws:
            self.flaws = (*self.flaws, flaw)
