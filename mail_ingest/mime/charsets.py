"""Bytes of an unknown or wrongly named charset into text: never an error, little damage."""

from __future__ import annotations

import codecs

# What mailers write, and what they mean (the superset that the WHATWG Encoding Standard maps to).
_MEANT = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
}
# These are no charsets of text in mail, and some of them take quadratic time.
_NO_CHARSETS = {"idna", "punycode", "undefined", "unicode_escape", "raw-unicode-escape", "mbcs"}


def decode(data: bytes, charset: str = "") -> str:
    """Text in a charset that a mail names; a guess when it names none, or a wrong one."""
    try:
        codec = codecs.lookup(_MEANT.get(charset.lower(), charset) or "utf-8")
        if codec.name not in _NO_CHARSETS:
            return codec.decode(data, "strict")[0]
    except (LookupError, ValueError):  # unknown, not of text, a NUL in the name, or wrong bytes
        pass
    return guess(data)


def guess(data: bytes) -> str:
    """UTF-8 if it is, even with a broken character in it; else Windows-1252, as browsers do."""
    if data.isascii():
        return data.decode("ascii")
    text = data.decode("utf-8", "replace")
    broken = text.count("�")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    if broken * 4 <= beyond_ascii:
        return text
    return data.decode("cp1252", "replace")


def from_header(data: bytes) -> str:
    """A header's bytes as text that can be turned back into the same bytes (`to_bytes`)."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Undo `from_header`."""
    return text.encode("utf-8", "surrogateescape")
