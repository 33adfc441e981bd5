"""Where a header block begins and ends (RFC 5322 section 2.2), also when it is damaged."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw

if TYPE_CHECKING:
    from mail_ingest.mime.limits import Limits

# RFC 5322 2.2; blanks before the colon are obsolete. Bounded, so that a line's beginning decides.
_FIELD = re.compile(rb"[!-9;-~]{1,200}[ \t]{0,40}:")
_INDENTED_FIELD = re.compile(rb"[ \t]{1,40}[!-9;-~]{1,200}[ \t]{0,40}:")
# Whole sound fields, none of which can be a delimiter line.
_SOUND_FIELDS = re.compile(
    rb"(?:[!-,.-9;-~][!-9;-~]{0,199}[ \t]{0,40}:[^\n]*+\n(?:[ \t][^\n]*+\n)*+)++"
)
_MBOX_LINE = re.compile(rb">?From ")  # what mbox files and old transports put first
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONG_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/=]{40,}\s*\Z")
_BASE64_LINE = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|..==|...=)\s*\Z")
_SAYS_BASE64 = re.compile(
    rb"^content-transfer-encoding[ \t]*:[ \t]*base64", re.IGNORECASE | re.MULTILINE
)

NO_BLANK_LINE = Flaw(
    clause="RFC 5322 2.1", sentence="No blank line stands between the header and the body."
)
NOT_INDENTED = Flaw(
    clause="RFC 5322 2.2.3", sentence="A header field goes on in a line that is not indented."
)
JUNK_FIRST = Flaw(
    clause="RFC 5322 2.1", sentence="Lines that are no header stand before the header."
)


class Verdict(Enum):
    """What a line is to a header block."""

    HEADER = auto()  # taken (or skipped); the block goes on
    END = auto()  # the blank line that ends the block
    BODY = auto()  # the first line of the body already


class HeaderBlock:
    """Collects one header block line by line.

    `of_message`: blank lines, a byte order mark, an mbox line and junk may come first. `flaws` are
    what is wrong, each once.
    """

    __slots__ = (
        "_kept_last",
        "_lines",
        "_near_a_limit",
        "_of_message",
        "_says_base64",
        "flaws",
        "line_count",
        "size",
    )

    def __init__(self, *, of_message: bool) -> None:
        self._lines: list[bytes] = []
        self._of_message = of_message
        self._says_base64 = False
        self._kept_last = False
        self._near_a_limit = False
        self.flaws: list[Flaw] = []
        self.line_count = 0  # with the lines that were skipped
        self.size = 0

    @property
    def is_empty(self) -> bool:
        """Whether no line was taken yet."""
        return not self._lines

    def join(self) -> bytes:
        """The block; lines that should have been indented are."""
        return b"".join(self._lines)

    def take_sound_fields(self, buffer: bytes, start: int, limits: Limits) -> int:
        """Take all whole fields from `start` that nothing is wrong with, at once, as far as the
        limits allow; gives where they end.
        """
        sound = _SOUND_FIELDS.match(buffer, start) if not self._near_a_limit else None
        if sound is None:
            return start
        fields = sound[0]
        lines = fields.count(b"\n")
        size_after, lines_after = self.size + len(fields), self.line_count + lines
        if size_after > limits.header_bytes or lines_after > limits.header_lines:
            self._near_a_limit = True  # which line it is must not depend on the buffer
            return start
        self._says_base64 = self._says_base64 or _SAYS_BASE64.search(fields) is not None
        self.line_count += lines
        self._keep(fields)
        return sound.end()

    def needs_next(self, line: bytes) -> bool:
        """Whether only the line after this one tells what this one is."""
        return self.is_empty and self._of_message and not _starts_header(line)

    def take(self, line: bytes, following: bytes = b"") -> Verdict:
        """Take a line with its end, and with the next line where `needs_next` asked for it."""
        self.line_count += 1
        if self.is_empty:
            return self._take_first(line, following)
        if not line.strip(b"\r\n"):
            return Verdict.END
        if line[:1] in b" \t":
            return self._keep(line)
        if _FIELD.match(line):
            self._says_base64 = self._says_base64 or _SAYS_BASE64.match(line) is not None
            return self._keep(line)
        if self._is_body(line):
            self.note(NO_BLANK_LINE)
            return Verdict.BODY
        self.note(NOT_INDENTED)
        return self._keep(b" " + line)

    def extend(self, piece: bytes) -> None:
        """More of a line that was too long to be taken at once."""
        if self._kept_last:
            self._keep(piece)

    def note(self, flaw: Flaw) -> None:
        """Something is wrong with the block."""
        if flaw not in self.flaws:
            self.flaws.append(flaw)

    def _take_first(self, line: bytes, following: bytes) -> Verdict:
        if self._of_message:
            line = line.removeprefix(_BYTE_ORDER_MARK)
            if not line.strip() or _MBOX_LINE.match(line):
                return Verdict.HEADER
        if not line.strip(b"\r\n"):
            return Verdict.END
        if _FIELD.match(line):
            self._says_base64 = _SAYS_BASE64.match(line) is not None
            return self._keep(line)
        if _INDENTED_FIELD.match(line):
            return self._keep(line.lstrip())
        if self._of_message and _FIELD.match(following):
            self.note(JUNK_FIRST)
            return Verdict.HEADER
        return Verdict.BODY

    def _is_body(self, line: bytes) -> bool:
        if _LONG_BASE64_LINE.match(line):
            return True
        goes_on = self._lines[-1].rstrip().endswith((b";", b",", b"=", b":"))
        return self._says_base64 and not goes_on and _BASE64_LINE.match(line) is not None

    def _keep(self, line: bytes) -> Verdict:
        self._lines.append(line)
        self._kept_last = True
        self.size += len(line)
        return Verdict.HEADER


def _starts_header(line: bytes) -> bool:
    line = line.removeprefix(_BYTE_ORDER_MARK)
    return not line.strip() or _MBOX_LINE.match(line) is not None or _FIELD.match(line) is not None
