"""Quoted-printable (RFC 2045 section 6.7) in a stream; broken escapes stay as they are."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mail_ingest.mime.defects import Flaw

_LONG_LINE = 4096  # a line that is longer is decoded before its end has come
_BLANKS_AFTER_SOFT_BREAK = re.compile(rb"=[ \t]+(?=\r?\n)")  # rule 3: transports add them


class QuotedPrintableDecoder:
    """See `mail_ingest.mime.transfer.Decoder`."""

    __slots__ = ("_carry",)

    flaws: Sequence[Flaw] = ()

    def __init__(self) -> None:
        self._carry = b""  # the beginning of a line, or of an escape

    def feed(self, data: bytes) -> Sequence[bytes]:
        """Decode every whole line; the beginning of one waits for its end."""
        data = self._carry + data
        end = data.rfind(b"\n") + 1
        if len(data) - end > _LONG_LINE:
            end = _before_an_escape(data)
        self._carry = data[end:]
        return (_decode(data[:end]),)

    def close(self) -> bytes:
        """Decode a last line that has no end."""
        rest, self._carry = self._carry, b""
        return _decode(rest)


def _before_an_escape(data: bytes) -> int:
    """Where a long line can be cut: not inside ``=XX``, nor before the end of a soft line break."""
    escape = data.rfind(b"=", len(data) - _LONG_LINE)
    tail = data[escape + 1 :] if escape >= 0 else b"xx"
    may_go_on = len(tail) < 2 or not tail.strip(b" \t\r")
    return escape if may_go_on else len(data)


def _decode(data: bytes) -> bytes:
    """Decode whole lines. Blanks after a soft break are looked for in what was decoded, where they
    stand behind a "=" that was not undone: it is shorter, and they are rare.
    """
    decoded = binascii.a2b_qp(data)
    if b"= " in decoded or b"=\t" in decoded:
        mended, count = _BLANKS_AFTER_SOFT_BREAK.subn(b"=", data)
        if count:
            return binascii.a2b_qp(mended)
    return decoded
