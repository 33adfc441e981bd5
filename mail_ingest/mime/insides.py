"""What lies inside the decoded content of a leaf: nested messages and files in other formats."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from mail_ingest.mime import charsets, kinds, part_header
from mail_ingest.mime.effort import TOO_MANY_SHORT_LINES, Effort
from mail_ingest.mime.events import Container, Part, Refusal
from mail_ingest.mime.file_names import base_name
from mail_ingest.mime.formats import (
    EnclosureData,
    EnclosureEnded,
    EnclosureStarted,
    EntityData,
    outlook_msg,
    smime,
    sun_attachment,
    tnef,
)
from mail_ingest.mime.formats.embedded import (
    EmbeddedFileScanner,
    Encoding,
    FileData,
    FileEnded,
    FileStarted,
    Text,
)
from mail_ingest.mime.paths import child_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mail_ingest.mime.defects import Flaw
    from mail_ingest.mime.formats import Found, Opened, StreamOpener
    from mail_ingest.mime.formats.embedded import Piece
    from mail_ingest.mime.journal import Journal, OpenPart
    from mail_ingest.mime.limits import Limits
    from mail_ingest.mime.splitter import Splitter

    type Opener = Callable[[bytes, Limits], Opened]
    type StreamOpenerFactory = Callable[[Limits, Callable[[Found], None]], StreamOpener]
    type Nest = Callable[[OpenPart], Splitter]

_STREAM_OPENERS: dict[Container | None, StreamOpenerFactory] = {
    Container.TNEF: tnef.TnefOpener,
    Container.SIGNED: smime.SmimeOpener,
}
_OPENERS: dict[Container | None, Opener] = {
    Container.OUTLOOK_MESSAGE: outlook_msg.open_outlook_msg,
    Container.SUN_ATTACHMENT: sun_attachment.open_sun_attachment,
}


class Inside(Protocol):
    """Reads the decoded content of a part as it comes, and tells what is in it."""

    def feed(self, content: bytes) -> None:
        """More content."""
        ...

    def close(self) -> Refusal | None:
        """The content is over; why it could not be opened, if so."""
        ...


def inside_of(part: OpenPart, journal: Journal, nest: Nest) -> Inside | None:
    """What reads the decoded content of a part, if anything may be in it."""
    told = part.part
    if told.refusal is not None:
        return None
    if told.container is Container.MESSAGE:
        return NestedMessage(nest(part))
    if told.container in _STREAM_OPENERS:
        return StreamedContainer(_STREAM_OPENERS[told.container], part, journal, nest)
    if told.container in _OPENERS:
        return BufferedContainer(_OPENERS[told.container], part, journal, nest)
    if told.media_type == "text/plain" and not told.file_name and told.disposition != "attachment":
        return FilesInText(part, journal)
    return None


class NestedMessage:
    """A message whose transfer encoding was undone first (RFC 2046 5.2.1 forbids it; it exists)."""

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter

    def feed(self, content: bytes) -> None:
        """Split more of the message."""
        self._splitter.feed(content)

    def close(self) -> None:
        """The message is over."""
        self._splitter.close()


class BufferedContainer:
    """A format that can only be opened as a whole: held in memory, within the limit."""

    def __init__(self, opener: Opener, part: OpenPart, journal: Journal, nest: Nest) -> None:
        self._opener = opener
        self._part = part
        self._journal = journal
        self._nest = nest
        self._pieces: list[bytes] = []
        self._room = journal.limits.container_bytes

    def feed(self, content: bytes) -> None:
        """Hold more content, or let go of it all when it is too much."""
        self._room -= len(content)
        if self._room >= 0:
            self._pieces.append(content)
        else:
            self._pieces.clear()

    def close(self) -> Refusal | None:
        """Open it, and tell what is in it."""
        if self._room < 0:
            return Refusal.CONTAINER_TOO_LARGE
        content = b"".join(self._pieces)
        self._pieces.clear()
        opened = self._opener(content, self._journal.limits)
        for flaw in opened.flaws:
            self._journal.note(self._part.part.path, flaw)
        enclosed = EnclosedFiles(self._part, self._journal, self._nest)
        for enclosure in opened.enclosures:
            known = EnclosureStarted(
                file_name=enclosure.file_name,
                media_type=enclosure.media_type,
                content_id=enclosure.content_id,
            )
            enclosed.start(known)
            enclosed.data(enclosure.content)
            enclosed.end(known)
        return opened.refusal


class StreamedContainer:
    """A format that is opened while it comes, so that nothing large of it is held."""

    def __init__(
        self,
        opener: StreamOpenerFactory,
        part: OpenPart,
        journal: Journal,
        nest: Nest,
    ) -> None:
        self._opener = opener(journal.limits, self._take)
        self._part = part
        self._journal = journal
        self._nest = nest
        self._enclosed = EnclosedFiles(part, journal, nest)
        self._entity: Splitter | None = None

    def feed(self, content: bytes) -> None:
        """Open more of it."""
        self._opener.feed(content)

    def close(self) -> Refusal | None:
        """It is over, and so is what it holds."""
        self._opener.close()
        if self._entity is not None:
            self._entity.close()
        for flaw in self._opener.flaws:
            self._journal.note(self._part.part.path, flaw)
        return self._opener.refusal

    def _take(self, found: Found) -> None:
        match found:
            case EnclosureStarted():
                self._enclosed.start(found)
            case EnclosureData(data):
                self._enclosed.data(data)
            case EnclosureEnded(known):
                self._enclosed.end(known)
            case EntityData(data):
                self._entity = self._entity or self._nest(self._part)
                self._entity.feed(data)


class EnclosedFiles:
    """Tells the files inside a container one after the other, and what is in each in turn."""

    def __init__(self, holder: OpenPart, journal: Journal, nest: Nest) -> None:
        self._holder = holder
        self._journal = journal
        self._nest = nest
        self._file = holder  # the one under way
        self._inside: Inside | None = None

    def start(self, known: EnclosureStarted) -> None:
        """A file begins."""
        self._holder.children += 1
        path = child_path(self._holder.part.path, self._holder.children)
        name = base_name(known.file_name)
        media_type = part_header.media_type_in(known.media_type)
        part = Part(
            path=path,
            parent=self._holder.part,
            media_type=media_type,
            disposition="attachment" if name else "",
            file_name=name,
            content_id=known.content_id,
            container=kinds.container_of(media_type, name),
        )
        self._file = self._journal.start(part)
        self._inside = inside_of(self._file, self._journal, self._nest)

    def data(self, data: bytes) -> None:
        """More of the file."""
        if not self._file.part.is_container:
            self._journal.data(self._file, data)
        if self._inside is not None and data:
            self._inside.feed(data)

    def end(self, known: EnclosureStarted) -> None:
        """The file is over, and this is known of it."""
        refusal = self._inside.close() if self._inside is not None else None
        part = self._file.part
        name = base_name(known.file_name)
        final = replace(
            part,
            file_name=name,
            disposition="attachment" if name else "",
            media_type=part_header.media_type_in(known.media_type),
            content_id=known.content_id,
        )
        self._journal.end(self._file, None, refusal, final=final)
        self._inside = None


class FilesInText:
    """Files that stand in the lines of a text: uuencode, yEnc, and BinHex as it is.

    It tells the text too: what stands between the files is the content of the part itself. A text
    that would cost much more than files do is looked through no further.
    """

    def __init__(self, part: OpenPart, journal: Journal) -> None:
        self._scanner: EmbeddedFileScanner | None = EmbeddedFileScanner()
        self._effort = Effort()
        self._part = part
        self._journal = journal
        self._file = part  # the file that we are in, or the text

    def feed(self, content: bytes) -> None:
        """Look through more text."""
        for piece in self._effort.pieces(content):
            if self._scanner is None:
                self._journal.data(self._part, piece)
            else:
                self._tell(self._scanner.feed(piece))
                self._give_up_in_time(self._scanner)

    def close(self) -> None:
        """The text is over."""
        if self._scanner is not None:
            self._tell(self._scanner.close())

    def _give_up_in_time(self, scanner: EmbeddedFileScanner) -> None:
        if self._effort.is_out_of_hand:
            if self._file is not self._part:
                self._journal.note(self._file.part.path, TOO_MANY_SHORT_LINES)
            self._tell(scanner.close())
            self._scanner = None

    def _tell(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            match piece:
                case Text(data):
                    self._journal.data(self._part, data)
                case FileStarted():
                    self._file = self._journal.start(self._new_part(piece))
                case FileData(data):
                    self._journal.data(self._file, data)
                case FileEnded(flaws):
                    self._end_file(flaws)

    def _end_file(self, flaws: Sequence[Flaw]) -> None:
        for flaw in flaws:
            self._journal.note(self._file.part.path, flaw)
        self._journal.end(self._file, None)
        self._file = self._part

    def _new_part(self, piece: FileStarted) -> Part:
        self._part.children += 1
        return Part(
            path=child_path(self._part.part.path, self._part.children),
            parent=self._part.part,
            media_type="application/octet-stream",
            disposition="attachment",
            file_name=base_name(charsets.guess(piece.name)),
            transfer_encoding=piece.encoding.value,
            refusal=Refusal.BINHEX if piece.encoding is Encoding.BINHEX else None,
        )
