"""Where a body ends: the search for the next live delimiter line in a buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mail_ingest.mime.boundaries import Boundaries, Delimiter

LONGEST_LINE = 4096  # no delimiter line is longer, so no more than this is ever held back


class Found(NamedTuple):
    """Body up to `data_end`. With a delimiter, what follows its line starts at `resume`; without
    one, everything from `data_end` waits for more input.
    """

    data_end: int
    resume: int
    delimiter: Delimiter | None


def scan(
    buffer: bytes, start: int, boundaries: Boundaries, *, at_line_start: bool, final: bool
) -> Found:
    """Look for the first delimiter line in ``buffer[start:]``.

    `at_line_start`: a line begins at `start`. `final`: nothing comes after the buffer. The line end
    before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1).
    """
    if not boundaries:
        return Found(len(buffer), len(buffer), None)
    line = start if at_line_start and buffer.startswith(b"--", start) else -1
    if line < 0:
        line = _next_candidate(buffer, start, boundaries)
    while line >= 0:
        end = buffer.find(b"\n", line, line + LONGEST_LINE) + 1
        if not end and len(buffer) - line < LONGEST_LINE:
            if not final:
                break
            end = len(buffer)
        delimiter = boundaries.match(buffer[line:end]) if end else None
        if delimiter is not None:
            return Found(_before_line_end(buffer, start, line), end, delimiter)
        line = boundaries.find(buffer, line) + 1 or -1
    data_end = len(buffer) if final else _safe_end(buffer, start, boundaries, at_line_start)
    return Found(data_end, data_end, None)


def _next_candidate(buffer: bytes, start: int, boundaries: Boundaries) -> int:
    """The start of the first line that a boundary stands in, or -1."""
    # One byte is found at memory speed, and base64, most of what mail consists of, has no hyphen.
    hyphen = buffer.find(b"-", start)
    if hyphen < 0:
        return -1
    return boundaries.find(buffer, max(start, hyphen - 1)) + 1 or -1


def _safe_end(buffer: bytes, start: int, boundaries: Boundaries, at_line_start: bool) -> int:
    """How far the buffer is body for sure: not into a line that may yet become a delimiter."""
    size = len(buffer)
    line = buffer.rfind(b"\n", max(start, size - LONGEST_LINE)) + 1
    if not line and at_line_start and size - start < LONGEST_LINE:
        return start if boundaries.may_begin(buffer[start:]) else _before_return(buffer, start)
    if line and boundaries.may_begin(buffer[line:]):
        return _before_line_end(buffer, start, line)
    return _before_return(buffer, start)


def _before_return(buffer: bytes, start: int) -> int:
    """The end of the buffer, without a carriage return that may begin a line end."""
    return len(buffer) - buffer.endswith(b"\r", start)


def _before_line_end(buffer: bytes, start: int, line: int) -> int:
    """Where the line end before `line` begins, but not before `start`."""
    if line > start and buffer.startswith(b"\n", line - 1):
        line -= 1
        if line > start and buffer.startswith(b"\r", line - 1):
            line -= 1
    return line
