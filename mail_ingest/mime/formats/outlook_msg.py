"""Outlook's .msg files (MS-OXMSG): their attachments, and those of messages attached to them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw, beyond
from mail_ingest.mime.formats import Enclosure, Opened
from mail_ingest.mime.formats.compound_file import CompoundFile, Entry
from mail_ingest.mime.formats.mapi import PropertyId, PropertyType, encoding_of_codepage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mail_ingest.mime.limits import Limits

NO_COMPOUND_FILE = Flaw(
    clause="MS-CFB 2.2", sentence="What claims to be an Outlook message is no compound file."
)
SHARED_SECTORS = Flaw(
    clause="MS-CFB 2.3", sentence="The attachments of the Outlook message overlap; some are left."
)
CUT_OFF = Flaw(clause="MS-CFB 2.3", sentence="An attachment of the Outlook message is cut off.")

_ATTACHMENT_PREFIX = "__attach_version1.0_#"
_PROPERTIES = "__properties_version1.0"
_PROPERTY = struct.Struct("<HHII4x")  # type, id, flags, value (MS-OXMSG 2.4.2)
_MESSAGE_CODEPAGE = 0x3FFD
_MAX_TEXT_BYTES = 4096
_NAMES = (
    PropertyId.ATTACH_LONG_FILE_NAME,
    PropertyId.ATTACH_FILE_NAME,
    PropertyId.DISPLAY_NAME,
)


def open_outlook_msg(body: bytes, limits: Limits) -> Opened:
    """The attachments of a .msg file."""
    try:
        reader = _Reader(CompoundFile(body), limits, room=len(body))
    except ValueError:
        return Opened(flaws=(NO_COMPOUND_FILE,))
    reader.read()
    return Opened(enclosures=tuple(reader.enclosures), flaws=tuple(reader.flaws))


class _Reader:
    """Reads the attachments. `room`: how many bytes they can have together in an honest file."""

    def __init__(self, file: CompoundFile, limits: Limits, *, room: int) -> None:
        self._file = file
        self._limits = limits
        self._room = room
        self._encoding = encoding_of_codepage(self._codepage())
        self.enclosures: list[Enclosure] = []
        self.flaws: list[Flaw] = []

    def read(self) -> None:
        """Read the message and, in limits, the messages attached to it."""
        for attachment in self._attachments(self._file.root, depth=0):
            data = attachment.children.get(_stream(PropertyId.ATTACH_DATA, PropertyType.BINARY))
            if data is None:
                continue  # attached by reference: only a path on the sender's disk
            if len(self.enclosures) >= self._limits.parts:
                self._note(beyond("parts", self._limits.parts))
                return
            content = self._file.content(data)
            self._room -= len(content)
            if self._room < 0:
                self._note(SHARED_SECTORS)
                return
            if len(content) < data.size:
                self._note(CUT_OFF)
            self.enclosures.append(self._enclosure(attachment, content))

    def _attachments(self, message: Entry, *, depth: int) -> Iterator[Entry]:
        for name in sorted(message.children):
            attachment = message.children[name]
            if not name.startswith(_ATTACHMENT_PREFIX):
                continue
            inner = attachment.children.get(_stream(PropertyId.ATTACH_DATA, PropertyType.OBJECT))
            if inner is None:
                yield attachment
            elif depth >= self._limits.depth:
                self._note(beyond("depth", self._limits.depth))
            else:
                yield from self._attachments(inner, depth=depth + 1)

    def _enclosure(self, attachment: Entry, content: bytes) -> Enclosure:
        names = (self._text(attachment, name) for name in _NAMES)
        return Enclosure(
            file_name=next((name for name in names if name), ""),
            media_type=self._text(attachment, PropertyId.ATTACH_MIME_TAG)
            or "application/octet-stream",
            content=content,
            content_id=self._text(attachment, PropertyId.ATTACH_CONTENT_ID).strip("<>"),
        )

    def _text(self, attachment: Entry, number: PropertyId) -> str:
        for kind, encoding in (
            (PropertyType.STRING, "utf-16-le"),
            (PropertyType.STRING8, self._encoding),
        ):
            stream = attachment.children.get(_stream(number, kind))
            if stream is not None and stream.size <= _MAX_TEXT_BYTES:
                return self._file.content(stream).decode(encoding, "replace").split("\0", 1)[0]
        return ""

    def _codepage(self) -> int:
        """The code page of the message's 8-bit strings; 0 where it does not say."""
        stream = self._file.root.children.get(_PROPERTIES)
        raw = self._file.content(stream) if stream else b""
        for _, number, _, value in _PROPERTY.iter_unpack(raw[: len(raw) // 16 * 16]):
            if number == _MESSAGE_CODEPAGE:
                return value
        return 0

    def _note(self, flaw: Flaw) -> None:
        if flaw not in self.flaws:
            self.flaws.append(flaw)


def _stream(number: PropertyId, kind: PropertyType) -> str:
    """The name of the stream that holds a property, in lower case (MS-OXMSG 2.1.3)."""
    return f"__substg1.0_{number:04x}{kind:04x}"
