"""Encoded words (RFC 2047) in header text, as they are met: also inside quotes, without the spaces
that belong around them, with spaces inside, and split in the middle of a character.
"""

from __future__ import annotations

import binascii
import re

from mail_ingest.mime import charsets

# The language suffix is RFC 2231 section 5. Bounded, so that hostile text costs linear time.
_START = re.compile(r"=\?([^?*\s]{1,60})(?:\*[^?\s]{0,40})?\?([bqBQ])\?")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def decode_words(text: str) -> str:
    """Text with its encoded words decoded; `text` comes from `charsets.from_header`."""
    if "=?" not in text:
        return text if text.isascii() else charsets.guess(charsets.to_bytes(text))
    out: list[str] = []
    pending_charset, pending = "", bytearray()  # adjacent words may share a character
    position = 0
    while (start := _START.search(text, position)) is not None:
        end = text.find("?=", start.end())
        if end < 0:
            break
        gap = text[position : start.start()]
        charset = start[1].lower()
        # RFC 2047 6.2: white space between two encoded words is not shown.
        separate = bool(gap.strip()) or (bool(gap) and position == 0)
        if separate or charset != pending_charset:
            out.append(charsets.decode(bytes(pending), pending_charset))
            pending.clear()
        if separate:
            out.append(charsets.guess(charsets.to_bytes(gap)))
        pending_charset = charset
        pending += _decode_word(start[2], text[start.end() : end])
        position = end + 2
    out.append(charsets.decode(bytes(pending), pending_charset))
    out.append(charsets.guess(charsets.to_bytes(text[position:])))
    return "".join(out)


def _decode_word(encoding: str, text: str) -> bytes:
    data = charsets.to_bytes(text)
    if encoding in "qQ":
        return binascii.a2b_qp(data.replace(b" ", b"_"), header=True)
    letters = _NOT_BASE64.sub(b"", data)
    if len(letters) % 4 == 1:  # one letter too many says nothing
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
