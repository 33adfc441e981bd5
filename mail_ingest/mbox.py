"""Messages out of an mbox file (RFC 4155, the mboxrd quoting), one line at a time.

Blocking reads, so callers run this in a thread. Not here: folders and single files
(`mail_ingest.replay`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_BYTES = 65_536  # a longer line comes in pieces
_SEPARATOR = re.compile(
    rb"From .*\d\d:\d\d.*\d{4}\s*\Z"
)  # with a time: a sentence may start so too
_QUOTED = re.compile(rb">+From ")
_BLANK = (b"\n", b"\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class MboxMessage:
    """A message in an mbox file: where its first line is, and what its unquoted bytes are."""

    start: int
    size: int
    sha256: str


def is_mbox(head: bytes) -> bool:
    """Whether a file that starts so is an mbox file."""
    return head.startswith(b"From ")


def messages(file: BinaryIO) -> Iterator[MboxMessage]:
    """The messages of an mbox file; the caller may not move the file's position meanwhile."""
    file.seek(0)
    line = file.readline(_LINE_BYTES)
    while line:
        start, size, digest = file.tell(), 0, sha256()
        for piece in lines(file):
            size += len(piece)
            digest.update(piece)
        if size:
            yield MboxMessage(start=start, size=size, sha256=digest.hexdigest())
        line = file.readline(_LINE_BYTES)


def lines(file: BinaryIO) -> Iterator[bytes]:
    """The unquoted lines of the message that starts here, in pieces of at most 64 KiB.

    Ends before the next separator line, where the file's position then is, and leaves out the blank
    line before it, which belongs to the separator.
    """
    blank, at_line_start = b"", True
    while line := file.readline(_LINE_BYTES):
        if blank and _SEPARATOR.match(line):
            file.seek(-len(line), 1)
            return
        if blank:
            yield blank
            blank = b""
        if at_line_start and line in _BLANK:
            blank = line
        else:
            yield line[1:] if at_line_start and _QUOTED.match(line) else line
        at_line_start = line.endswith(b"\n")
