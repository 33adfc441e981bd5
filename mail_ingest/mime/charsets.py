"""Bytes of an unknown or wrongly named charset into text: never an error, little damage."""

from __future__ import annotations

import codecs
import re

from mail_ingest.mime import japanese

# Labels of the WHATWG Encoding Standard (section 4.2) that Python does not know, by its codec.
_LABELS = {
    label: codec
    for codec, labels in {
        "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 utf8mb4",
        "utf-7": "unicode-1-1-utf-7",
        "utf-16-be": "unicodefffe",
        "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff",
        "iso8859-6": "csiso88596e csiso88596i iso-8859-6-e iso-8859-6-i",
        "iso8859-7": "sun_eu_greek",
        "iso8859-8": "csiso88598e csiso88598i iso-8859-8-e iso-8859-8-i logical visual",
        "iso8859-15": "csisolatin9",
        "koi8-r": "koi koi8",
        "koi8-u": "koi8-ru",
        "mac-roman": "csmacintosh mac x-mac-roman",
        "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
        "cp874": "dos-874 windows-874",
        "gb18030": "csgb2312 gb_2312 gb_2312-80 x-gbk",
        "big5hkscs": "cn-big5 x-x-big5",
        "euc_jp": "cseucpkdfmtjapanese x-euc-jp",
        "cp932": "x-sjis",
        "cp949": "cseuckr csksc56011987 iso-ir-149 ks_c_5601 ks_c_5601-1989 ksc_5601 windows-949",
    }.items()
    for label in labels.split()
}
_RUN_TOGETHER = re.compile(r"iso8859(\d{1,2})|x-(cp125\d)|x-mac-(\w+)")  # iso88591, x-cp1252
# What a codec's name promises less of than mailers write under it: its superset on the web.
_SUPERSETS = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
# Python counts these as text, but no mail is written in them; some of them take quadratic time.
_NO_CHARSETS = frozenset(
    {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem"}
)
_REPLACED = "\N{REPLACEMENT CHARACTER}"


def decode(data: bytes, charset: str = "") -> str:
    """Text in a charset that a mail names; a guess when it names none, or a wrong one."""
    codec = _codec(charset)
    if codec is None:
        return guess(data)
    try:
        return codec.decode(data, "strict")[0]
    except ValueError:  # wrong bytes
        pass
    text = _decode_utf8(data)
    if text is None:
        read = japanese.DECODERS.get(codec.name)
        text = read(data) if read else codec.decode(data, "replace")[0]
    return text if _is_mostly_whole(text) else guess(data)


def guess(data: bytes) -> str:
    """UTF-8 if it is, even with a broken character in it; else Windows-1252, as browsers do."""
    if data.isascii():
        return data.decode("ascii")
    text = _decode_utf8(data)
    if text is None:
        text = data.decode("utf-8", "replace")
        if not _is_mostly_whole(text):
            return data.decode("cp1252", "replace")
    return text


def from_header(data: bytes) -> str:
    """A header's bytes as text that can be turned back into the same bytes (`to_bytes`)."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Undo `from_header`."""
    return text.encode("utf-8", "surrogateescape")


def _codec(label: str) -> codecs.CodecInfo | None:
    """Python's codec for a charset's label; None when the label names no charset of text."""
    name = label.strip(" \t\r\n\f\"'").lower() or "utf-8"
    if (match := _RUN_TOGETHER.fullmatch(name)) and name not in _LABELS:
        number, windows, mac = match.groups()
        name = f"iso8859-{number}" if number else windows or f"mac-{mac}"
    try:
        found = codecs.lookup(_LABELS.get(name, name))
        found = codecs.lookup(_SUPERSETS.get(found.name, found.name))
    except (LookupError, ValueError):  # unknown, or a NUL or a lone surrogate in the label
        return None
    # Python's codecs of bytes (zlib, bz2, base64, rot13, ...) are reached by the same names; one
    # of them turns a mail of 500 bytes into half a gigabyte. CPython keeps the difference here,
    # and bytes.decode() relies on it.
    is_text: bool = found._is_text_encoding
    return found if is_text and found.name not in _NO_CHARSETS else None


def _decode_utf8(data: bytes) -> str | None:
    """The text when all of it is valid UTF-8 beyond ASCII, else None."""
    if data.isascii():
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _is_mostly_whole(text: str) -> bool:
    """Whether at most a quarter of the characters beyond ASCII could not be read."""
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return text.count(_REPLACED) * 4 <= beyond_ascii
