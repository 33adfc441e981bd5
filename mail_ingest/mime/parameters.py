"""A structured field's value and parameters: ``attachment; filename*0*=utf-8''...`` (RFC 2045 5.1,
RFC 2183, RFC 2231), read as mailers write it rather than as they should.

Taken in stride: unquoted values with spaces, missing or doubled semicolons, quotes that never
close or stand unescaped inside a value, backslashes of Windows paths, encoded words in quotes (RFC
2047 section 5 forbids them), bare 8-bit bytes, and continuations out of order.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from mail_ingest.mime import charsets
from mail_ingest.mime.encoded_words import decode_words

_NAME = re.compile(r"[^\s=;\"]+(?=\s*=)")
_EQUALS = re.compile(r"\s*=\s*")
# A quote closes the value when what follows ends the parameter, or starts another one.
# Before it stand no backslashes, or pairs of them.
_CLOSING_QUOTE = re.compile(r"(?<!\\)(?:\\\\)*\"(?=\s*(?:;|\Z|\()|\s+[\w*-]+\s*=)")
_ESCAPED = re.compile(r"\\([\\\"])")
_LONGEST_VALUE = 32_768  # of what is longer, no mailer is the author
_MAX_SEGMENT_DIGITS = 4
_FREE_TEXT = ("name", "filename")  # what may hold spaces although it is not quoted


class _Segment(NamedTuple):
    number: int
    encoded: bool
    text: str


def parse(value: str) -> tuple[str, dict[str, str]]:
    """The value before the first semicolon, in lower case and without comments, and the parameters.

    Parameter names are in lower case, their values decoded; the first of a name wins, and the
    extended form (RFC 2231) wins over the plain one. Takes linear time.
    """
    if not value:
        return "", {}
    head, rest = _split_head(value[:_LONGEST_VALUE])
    plain: dict[str, str] = {}
    extended: dict[str, list[_Segment]] = {}
    for name, text in _pairs(rest):
        base, star, suffix = name.partition("*")
        if not star:
            plain.setdefault(base, decode_words(text))
        elif (segment := _segment(suffix, text)) is not None:
            extended.setdefault(base, []).append(segment)
    for base, segments in extended.items():
        plain[base] = _join(segments)
    return head.partition("(")[0].strip(" \t\r\n\"'").lower(), plain


def _split_head(value: str) -> tuple[str, str]:
    head, _, rest = value.partition(";")
    before, equals, _ = head.partition("=")
    if not equals:
        return head, rest
    # The first semicolon is missing, or there is no value at all but parameters.
    words = before.rstrip().rpartition(" ")
    return words[0], value[len(words[0]) :]


def _pairs(rest: str) -> list[tuple[str, str]]:
    """The parameters as (name in lower case, raw value)."""
    pairs: list[tuple[str, str]] = []
    quotes = _closing_quotes(rest)
    position = 0
    while position < len(rest):
        semicolon = rest.find(";", position)
        end = semicolon if semicolon >= 0 else len(rest)
        name = _name_before(rest, position, end)
        if name is None:
            position = end + 1
            continue
        equals = _EQUALS.match(rest, name.end())
        start = equals.end() if equals else name.end()
        text, position = _value(name[0].lower(), rest, start, quotes)
        pairs.append((name[0].lower(), text))
    return pairs


def _name_before(rest: str, position: int, end: int) -> re.Match[str] | None:
    """The name that the next equals sign gives a value to, or None when there is none before
    `end`.
    """
    equals = rest.find("=", position, end)
    if equals < 0:
        return None
    words = rest[position:equals].split()
    if not words:
        return None
    return _NAME.match(rest, rest.rfind(words[-1], position, equals))


def _value(name: str, rest: str, start: int, quotes: list[int]) -> tuple[str, int]:
    """The value that starts at `start`, and where the next parameter may start."""
    if rest.startswith('"', start):
        start += 1
        closing = bisect_left(quotes, start)
        if closing < len(quotes):
            return _ESCAPED.sub(r"\1", rest[start : quotes[closing]]), quotes[closing] + 1
    semicolon = rest.find(";", start)
    end = semicolon if semicolon >= 0 else len(rest)
    text = rest[start:end].strip()
    if name.partition("*")[0] in _FREE_TEXT:
        return text.rstrip('"'), end + 1
    word = text.split(None, 1)[0] if text else ""
    return word.partition("(")[0].rstrip('"'), start + len(word) if word else end + 1


def _closing_quotes(rest: str) -> list[int]:
    """Where quotes stand that can end a value; found in one pass, so that the time stays linear."""
    return [quote.end() - 1 for quote in _CLOSING_QUOTE.finditer(rest)]


def _segment(suffix: str, text: str) -> _Segment | None:
    """``filename*1*``: the suffix after the first asterisk is ``1*`` (RFC 2231 section 3)."""
    digits = suffix.removesuffix("*")
    if not digits:
        return _Segment(0, encoded=True, text=text)
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MAX_SEGMENT_DIGITS:
        return None
    return _Segment(int(digits), suffix.endswith("*"), text)


def _join(segments: list[_Segment]) -> str:
    """The segments in their order; the first may name a charset: ``utf-8'en'text``."""
    charset, out = "", bytearray()
    for position, segment in enumerate(sorted(segments, key=lambda each: each.number)):
        text = segment.text
        if segment.encoded and position == 0 and text.count("'") > 1:
            charset, _, text = text.split("'", 2)
        data = charsets.to_bytes(text)
        out += unquote_to_bytes(data) if segment.encoded else data
    if charset.strip():
        return charsets.decode(bytes(out), charset.strip())
    return decode_words(charsets.from_header(bytes(out)))
