"""Quoted-printable (RFC 2045 section 6.7) in a stream; broken escapes stay as they are."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mail_ingest.mime.defects import Flaw

_LONG_LINE = 4096  # a line that is longer is decoded before its end has come
_MOST_BLANKS = 998  # as many as a line may have bytes (RFC 5322 2.1.1)
_BLANKS_AFTER_SOFT_BREAK = re.compile(rb"=[ \t]{1,998}(?=\r?\n)")  # rule 3: transports add them
_BYTES_A_BLANK = 128  # in encoded binary content; text has many more of them


class QuotedPrintableDecoder:
    """See `mail_ingest.mime.transfer.Decoder`."""

    __slots__ = ("_carry",)

    flaws: Sequence[Flaw] = ()

    def __init__(self) -> None:
        self._carry = b""  # the beginning of a line, or of an escape

    def feed(self, data: bytes) -> Sequence[bytes]:
        """Decode every whole line; the beginning of one waits for its end."""
        start, first = 0, b""
        if self._carry:
            start = data.find(b"\n") + 1
            if start:
                first = _decode(self._carry + data[:start])
            else:
                data = self._carry + data
        end = max(start, data.rfind(b"\n", start) + 1)
        if len(data) - end > _LONG_LINE:
            end = _before_an_escape(data)
        self._carry = data[end:]
        return (first, _decode(data, start, end))

    def close(self) -> bytes:
        """Decode a last line that has no end."""
        rest, self._carry = self._carry, b""
        return _decode(rest)


def _before_an_escape(data: bytes) -> int:
    """Where a long line can be cut: not inside ``=XX``, nor before the end of a soft line break."""
    escape = data.rfind(b"=", len(data) - _LONG_LINE)
    tail = data[escape + 1 :] if escape >= 0 else b"xx"
    is_soft_break = len(tail) <= _MOST_BLANKS + 1 and not tail.strip(b" \t\r")
    return escape if len(tail) < 2 or is_soft_break else len(data)


def _decode(data: bytes, start: int = 0, end: int | None = None) -> bytes:
    end = len(data) if end is None else end
    lines = memoryview(data)[start:end]
    if _has_after_equals(data, b" ", start, end) or _has_after_equals(data, b"\t", start, end):
        return binascii.a2b_qp(_BLANKS_AFTER_SOFT_BREAK.sub(b"=", lines))
    return binascii.a2b_qp(lines)


def _has_after_equals(data: bytes, blank: bytes, start: int, end: int) -> bool:
    """Whether the blank follows an equals sign; one rare byte is found faster than two."""
    for _ in range((end - start) // _BYTES_A_BLANK):
        position = data.find(blank, start, end)
        if position < 0:
            return False
        if data.startswith(b"=", position - 1):
            return True
        start = position + 1
    return data.find(b"=" + blank, start, end) >= 0
