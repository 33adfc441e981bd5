"""The delimiter lines that may come next (RFC 2046 section 5.1.1), innermost multipart last."""

from __future__ import annotations

from typing import NamedTuple


class Delimiter(NamedTuple):
    """A delimiter line: whose it is, counted from the outermost multipart, and whether it closes
    it.
    """

    level: int
    closes: bool


class Boundaries:
    """The boundaries of the multiparts that are open, and how lines are compared with them."""

    __slots__ = ("_by_length", "_longest", "_needles", "_shared", "_values")

    def __init__(self) -> None:
        self._values: list[bytes] = []
        self._needles: list[bytes] = []
        self._longest = 0  # of the needles
        self._shared = b""  # what all needles begin with
        self._by_length: list[tuple[bytes, int]] = []

    def __len__(self) -> int:
        return len(self._values)

    def push(self, boundary: bytes) -> None:
        """A multipart was opened inside the others."""
        self._change([*self._values, boundary])

    def cut(self, count: int) -> None:
        """Only the outermost `count` multiparts are still open."""
        if count < len(self._values):
            self._change(self._values[:count])

    def _change(self, values: list[bytes]) -> None:
        self._values = values
        self._needles = [b"\n--" + value for value in reversed(values)]
        self._shared = _common_beginning(self._needles)
        self._longest = max(map(len, self._needles), default=0)
        levels = [(value, level) for level, value in enumerate(values)]
        self._by_length = sorted(levels, key=lambda each: (len(each[0]), each[1]), reverse=True)

    def match(self, line: bytes) -> Delimiter | None:
        """Whose delimiter a line is; the line begins with two hyphens and may have its end.

        A whole line that fits wins, the innermost first. Else a boundary at the beginning of the
        line is enough (RFC 2046 section 5.1.1), the longest first: nested boundaries share
        beginnings.
        """
        text = line[2:].rstrip(b" \t\r\n")
        for level in range(len(self._values) - 1, -1, -1):
            if text == self._values[level]:
                return Delimiter(level, closes=False)
            if text == self._values[level] + b"--":
                return Delimiter(level, closes=True)
        for value, level in self._by_length:
            if text.startswith(value):
                return Delimiter(level, closes=text.startswith(b"--", len(value)))
        return None

    def find(self, buffer: bytes, start: int) -> int:
        """Where the first line end is that a boundary follows, or -1. Needs each byte once."""
        found, end = -1, len(buffer)
        if len(self._needles) > 1:  # else one search per open multipart
            start = buffer.find(self._shared, start)
            if start < 0:
                return -1
        for needle in self._needles:
            position = buffer.find(needle, start, end)
            if position >= 0 and (found < 0 or position < found):
                found = position
                end = min(len(buffer), found + self._longest)
        return found

    def may_begin(self, line: bytes) -> bool:
        """Whether a line whose end has not come may turn out to be a delimiter."""
        if len(line) < 2:
            return b"--".startswith(line)
        return line.startswith(b"--") and any(
            value.startswith(line[2:]) or line.startswith(value, 2) for value in self._values
        )


def _common_beginning(needles: list[bytes]) -> bytes:
    first, last = min(needles, default=b""), max(needles, default=b"")
    size = next(
        (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other),
        min(len(first), len(last)),
    )
    return first[:size]
