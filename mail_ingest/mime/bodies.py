"""The body of a leaf: its transfer encoding undone, its content told, and what lies inside read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mail_ingest.mime import transfer
from mail_ingest.mime.insides import FilesInText, inside_of

if TYPE_CHECKING:
    from mail_ingest.mime.insides import Inside, Nest
    from mail_ingest.mime.journal import Journal, OpenPart


class Body(Protocol):
    """Takes the raw bytes of a body."""

    def feed(self, data: bytes) -> None:
        """The next raw bytes."""
        ...

    def close(self, end: int | None) -> None:
        """The body is over; `end` is its end in the raw stream, if it lies there as it is."""
        ...


class LeafBody:
    """A body that is no multipart."""

    __slots__ = ("_decoder", "_inside", "_journal", "_part", "_shown")

    def __init__(self, part: OpenPart, journal: Journal, inside: Inside | None) -> None:
        self._part = part
        self._journal = journal
        self._inside = inside
        self._decoder = transfer.decoder_for(part.part.transfer_encoding)
        self._shown = not (part.part.is_container or isinstance(inside, FilesInText))

    def feed(self, data: bytes) -> None:
        """Decode and tell the next bytes."""
        for piece in self._decoder.feed(data):
            self._tell(piece)

    def close(self, end: int | None) -> None:
        """Tell what remains, and end the part."""
        self._tell(self._decoder.close())
        refusal = self._inside.close() if self._inside is not None else None
        for flaw in self._decoder.flaws:
            self._journal.note(self._part.part.path, flaw)
        self._journal.end(self._part, end, refusal)

    def _tell(self, content: bytes) -> None:
        if not content:
            return
        if self._shown:
            self._journal.data(self._part, content)
        if self._inside is not None:
            self._inside.feed(content)


def body_of(part: OpenPart, journal: Journal, nest: Nest) -> Body:
    """The reader for the body of a leaf, or of a message in a transfer encoding."""
    return LeafBody(part, journal, inside_of(part, journal, nest))
