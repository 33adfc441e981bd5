"""The state machine that splits one MIME entity into its parts (RFC 2046 section 5.1).

It is in one of three states: in a HEADER; in the BODY of a leaf; or BETWEEN parts, in the preamble
or epilogue of a multipart, which says nothing. A line that is a live delimiter ends any of them, so
damage in one part stays there. At most `LONGEST_LINE` bytes are held back, and nothing is decided
by where the input was cut.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw
from mail_ingest.mime.events import Container
from mail_ingest.mime.header_block import HeaderBlock, Verdict
from mail_ingest.mime.scan import LONGEST_LINE, scan
from mail_ingest.mime.structure import Structure

if TYPE_CHECKING:
    from mail_ingest.mime.bodies import Body
    from mail_ingest.mime.journal import Journal, OpenPart

HEADER_CUT = Flaw(
    clause="RFC 2046 5.1",
    sentence="A boundary stands in the header of the part, so it has no body.",
)


class _State(Enum):
    HEADER = auto()
    BODY = auto()
    BETWEEN = auto()


class Splitter:
    """Splits one entity: a message, or what was decoded from inside of the part `holder`."""

    def __init__(self, journal: Journal, holder: OpenPart | None = None) -> None:
        self._journal = journal
        self._told_offsets = holder is None
        self._structure = Structure(journal, holder, lambda part: Splitter(journal, part))
        self._buffer = b""
        self._position = 0  # of what comes next, in the buffer
        self._offset = 0  # of the buffer, in the entity
        self._at_line_start = True
        self._in_long_line = False
        self._body: Body | None = None
        self._expect_header(of_message=True)

    def feed(self, data: bytes) -> None:
        """Split more of the entity."""
        self._buffer = self._buffer + data if self._buffer else data
        self._run(final=False)

    def close(self) -> None:
        """The entity is over: end everything that is open."""
        self._run(final=True)
        while self._state is _State.HEADER:
            self._end_header()
        end = self._place(self._position)
        self._end_body(end)
        self._structure.close(end)

    def _run(self, *, final: bool) -> None:
        while True:
            read = self._read_header if self._state is _State.HEADER else self._read_body
            if not read(final=final):
                break
        self._offset += self._position
        self._buffer = self._buffer[self._position :]
        self._position = 0

    def _place(self, position: int) -> int | None:
        """A position in the buffer as an offset in the raw stream."""
        return self._offset + position if self._told_offsets else None

    def _expect_header(self, *, of_message: bool) -> None:
        self._state = _State.HEADER
        self._block = HeaderBlock(of_message=of_message)
        self._block_start = self._place(self._position)

    def _read_header(self, *, final: bool) -> bool:
        """Take one line of the header; False when its end has not come."""
        self._take_sound_fields()
        buffer, start = self._buffer, self._position
        end = buffer.find(b"\n", start) + 1 or len(buffer)
        if start == len(buffer):
            return False
        complete = final or buffer.endswith(b"\n", start, end)
        if self._in_long_line:
            self._block.extend(buffer[start:end])
            self._in_long_line = not complete
            self._position = end
            return self._within_limits()
        if not complete and end - start <= LONGEST_LINE:
            return False
        if end - start > LONGEST_LINE:
            return self._take(buffer[start : start + LONGEST_LINE], b"")
        line = buffer[start:end]
        if line.startswith(b"--") and self._structure.boundaries.match(line) is not None:
            self._block.note(HEADER_CUT)
            self._end_header()
            return True
        if not self._block.needs_next(line):
            return self._take(line, b"")
        next_end = buffer.find(b"\n", end, end + LONGEST_LINE) + 1
        if not next_end and not final and len(buffer) - end < LONGEST_LINE:
            return False
        return self._take(line, buffer[end : next_end or end + LONGEST_LINE])

    def _take_sound_fields(self) -> None:
        """Take what needs no second look; of a sound header, that is all but its blank line."""
        if self._block.is_empty:
            self._block_start = self._place(self._position)
        if not self._in_long_line:
            self._position = self._block.take_sound_fields(
                self._buffer, self._position, self._journal.limits
            )

    def _take(self, line: bytes, following: bytes) -> bool:
        verdict = self._block.take(line, following)
        if verdict is not Verdict.BODY:
            self._position += len(line)
            self._in_long_line = len(line) == LONGEST_LINE and not line.endswith(b"\n")
        if verdict is not Verdict.HEADER:
            self._end_header()
        return self._within_limits()

    def _within_limits(self) -> bool:
        """True; or the part is opened with the header so far, which stops the reading."""
        limits = self._journal.limits
        if self._block.size > limits.header_bytes or self._block.line_count > limits.header_lines:
            self._end_header()
        return True

    def _end_header(self) -> None:
        body = self._place(self._position)
        opened = self._structure.open(self._block, self._block_start, body)
        self._at_line_start = True
        if opened is Container.MESSAGE:
            self._expect_header(of_message=True)
        elif opened is Container.MULTIPART:
            self._state = _State.BETWEEN
        else:
            self._state = _State.BODY
            self._body = opened

    def _read_body(self, *, final: bool) -> bool:
        """Read up to the next delimiter; False when it has not come."""
        found = scan(
            self._buffer,
            self._position,
            self._structure.boundaries,
            at_line_start=self._at_line_start,
            final=final,
        )
        if found.data_end > self._position:
            if self._body is not None:
                self._body.feed(self._buffer[self._position : found.data_end])
            self._at_line_start = False
        self._position = found.resume
        if found.delimiter is None:
            return False
        end = self._place(found.data_end)
        self._end_body(end)
        self._structure.delimit(found.delimiter, end)
        if found.delimiter.closes:
            self._state = _State.BETWEEN
            self._at_line_start = True
        else:
            self._expect_header(of_message=False)
        return True

    def _end_body(self, end: int | None) -> None:
        if self._body is not None:
            self._body.close(end)
            self._body = None
