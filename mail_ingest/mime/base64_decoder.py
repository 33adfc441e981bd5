"""Base64 (RFC 2045 section 6.8) in a stream: whole clean lines go through without a copy.

The fast path takes a run of whole lines and hands it to pybase64 with its line ends left in, which
is faster than to strip them. Whatever it cannot take (letters that do not come in fours, padding in
the middle) goes through the careful path, which keeps every byte that can be decoded.
"""

from __future__ import annotations

import binascii
import string
from typing import TYPE_CHECKING

from pybase64 import b64decode

from mail_ingest.mime.defects import Flaw

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALPHABET = (string.ascii_letters + string.digits + "+/").encode()
_NEITHER_LETTERS_NOR_PADDING = bytes(set(range(256)) - set(_ALPHABET + b"="))
_GROUP = 4  # letters, of three bytes
_LETTERS_OF_A_BYTE = 2
_LONG_LINE = 4096  # a line that is longer is decoded before its end has come
_MAX_STRAY_PADDING = 1_000  # after that many the padding says nothing any more

AFTER_THE_END = Flaw(
    clause="RFC 2045 6.8",
    sentence="There is more after the padding that ends base64; it was left out.",
)
STRAY_PADDING = Flaw(
    clause="RFC 2045 6.8", sentence="Base64 padding stands where nothing can end; it was ignored."
)
INCOMPLETE = Flaw(
    clause="RFC 2045 6.8", sentence="Base64 ends in the middle of a group; its last bytes are lost."
)


class Base64Decoder:
    """See `mail_ingest.mime.transfer.Decoder`."""

    __slots__ = ("_carry", "_ended", "_flaws", "_strays_left")

    def __init__(self) -> None:
        self._carry = b""  # the beginning of a line, or of a group of four letters
        self._ended = False  # whether the padding has come
        self._strays_left = _MAX_STRAY_PADDING
        self._flaws: list[Flaw] = []

    @property
    def flaws(self) -> Sequence[Flaw]:
        """What was wrong, each at most once."""
        return self._flaws

    def feed(self, data: bytes) -> Sequence[bytes]:
        """Decode every whole line; the beginning of one waits for its end."""
        start, first = 0, b""
        if self._carry:
            start = data.find(b"\n") + 1
            first = self._careful(data[:start])
        if self._carry or self._ended:  # carry: the lines do not break between groups
            return (first, self._careful(data[start:]))
        end = max(start, data.rfind(b"\n", start) + 1)
        lines = self._lines(data, start, end) if start < end else ()
        if self._carry or self._ended or len(data) - end > _LONG_LINE:
            return (first, *lines, self._careful(data[end:]))
        self._carry += data[end:]
        return (first, *lines)

    def close(self) -> bytes:
        """Decode a last group that lacks its padding."""
        decoded = self._careful(b"")
        letters, self._carry = self._carry, b""
        if len(letters) < _LETTERS_OF_A_BYTE:
            if letters:
                self._note(INCOMPLETE)
            return decoded
        return decoded + b64decode(letters + b"=" * (4 - len(letters)))

    def _lines(self, data: bytes, start: int, end: int) -> Sequence[bytes]:
        """Decode whole lines, without a copy up to the last one if padding stands in it."""
        last = max(start, data.rfind(b"\n", start, end - 1) + 1)
        clean = end if data.find(b"=", last, end) < 0 else last
        decoded = _decode(data, start, clean)
        # If every letter counted there is no padding before, nor need to look for it.
        if len(decoded) != _size_of_full_lines(data, start, clean) and (
            not decoded or data.find(b"=", start, clean) >= 0
        ):
            return (self._careful(data[start:end]),)
        return (decoded, self._careful(data[clean:end])) if clean < end else (decoded,)

    def _careful(self, data: bytes) -> bytes:
        """Decode groups of four wherever they break; the letters of an open group are carried."""
        letters = (self._carry + data).translate(None, _NEITHER_LETTERS_NOR_PADDING)
        if self._ended:
            if letters.strip(b"="):
                self._note(AFTER_THE_END)
            return b""
        if b"=" in letters:
            letters = self._up_to_the_padding(letters)
        whole = len(letters) - len(letters) % 4
        self._carry = letters[whole:]
        return b64decode(letters[:whole])

    def _up_to_the_padding(self, letters: bytes) -> bytes:
        """The letters before the padding that ends them, padded; stray padding is dropped."""
        *pieces, rest = letters.split(b"=", self._strays_left)
        count = 0
        for number, piece in enumerate(pieces, start=1):
            count += len(piece)
            if count % 4 >= _LETTERS_OF_A_BYTE:
                self._ended = True
                if any(pieces[number:]) or rest.strip(b"="):
                    self._note(AFTER_THE_END)
                return b"".join(pieces[:number]) + b"=" * (4 - count % 4)
            self._note(STRAY_PADDING)
        self._strays_left -= len(pieces)
        return b"".join(pieces) + rest.replace(b"=", b"")

    def _note(self, flaw: Flaw) -> None:
        if flaw not in self._flaws:
            self._flaws.append(flaw)


def _decode(data: bytes, start: int, end: int) -> bytes:
    """Whole groups of four, with anything that is no letter between them; else nothing."""
    try:
        return b64decode(memoryview(data)[start:end])
    except binascii.Error:
        return b""


def _size_of_full_lines(data: bytes, start: int, end: int) -> int:
    """What whole lines decode to if all end where the first does and are full of letters; -1 if
    they cannot be.
    """
    if start == end:
        return 0
    line_end = data.find(b"\n", start, end)
    width = line_end + 1 - start
    count, rest = divmod(end - start, width)
    letters = width - (2 if data.startswith(b"\r", line_end - 1) else 1)
    if rest or letters < _GROUP or letters % _GROUP:
        return -1
    for column in range(letters, width):  # a letter in a line end could stand for padding elsewhere
        if data[start + column : end : width] != data[start + column : start + column + 1] * count:
            return -1
    return count * (letters // _GROUP) * 3
