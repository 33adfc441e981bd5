"""How much work a line-based encoding asks for, against the bytes that it brings.

Uuencode and yEnc are undone line by line, and yEnc escape by escape. Honest files have a line in 60
bytes or more; a body of two-byte lines is made to keep the reader busy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_BYTES = 1 << 16
_FREE_STEPS = 50_000
_BYTES_A_STEP = 20

TOO_MANY_SHORT_LINES = Flaw(
    clause="RFC 2045 6.1",
    sentence="There are more and shorter lines than in encoded files; the rest is not decoded.",
)


class Effort:
    """Adds up the steps that content takes, and says when they are out of proportion."""

    def __init__(self) -> None:
        self._steps = 0
        self._bytes = 0

    def pieces(self, content: bytes) -> Iterator[bytes]:
        """The content, counted and cut at every 64 KB of the whole: only there `is_out_of_hand` is
        told, so that it does not depend on how the content came.
        """
        start = 0
        while start < len(content):
            end = start + _BLOCK_BYTES - self._bytes % _BLOCK_BYTES
            piece = content[start:end]
            self._steps += piece.count(b"\n") + piece.count(b"=")
            self._bytes += len(piece)
            start = end
            yield piece

    @property
    def is_out_of_hand(self) -> bool:
        """Whether the content up to here asks for more steps than encoded files do."""
        if self._bytes % _BLOCK_BYTES:
            return False
        return self._steps > _FREE_STEPS + self._bytes // _BYTES_A_STEP
