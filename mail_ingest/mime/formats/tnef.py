"""TNEF, the winmail.dat of Outlook and Exchange: its attachments (MS-OXTNEF).

Attachments of messages that are embedded in it are given too, in limits. The message's own body,
plain, HTML or RTF, is no attachment and is stepped over.

Most of what describes an attachment comes after its content. A small one is held until then; a
large one is handed on as it comes, under the name that Outlook writes first (in the code page, so
letters may be missing), and what is known of it in the end is said at its end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw, beyond
from mail_ingest.mime.formats import EnclosureData, EnclosureEnded, EnclosureStarted
from mail_ingest.mime.formats.byte_stream import MalformedError, PushParser
from mail_ingest.mime.formats.mapi import (
    Property,
    PropertyId,
    PropertyType,
    encoding_of_codepage,
    read_properties,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mail_ingest.mime.events import Refusal
    from mail_ingest.mime.formats import Found
    from mail_ingest.mime.formats.byte_stream import ByteStream, Parsing
    from mail_ingest.mime.limits import Limits

NO_SIGNATURE = Flaw(
    clause="MS-OXTNEF 2.1.3.1", sentence="What claims to be TNEF does not begin as TNEF does."
)
CUT_OFF = Flaw(
    clause="MS-OXTNEF 2.1.3.2", sentence="The TNEF body ends in the middle of an attribute."
)
BAD_PROPERTIES = Flaw(
    clause="MS-OXTNEF 2.1.3.4", sentence="The properties of a TNEF attachment break off."
)

_SIGNATURE = b"\x78\x9f\x3e\x22"
_HEADER_BYTES = 6  # the signature and a key that nobody needs
_ATTRIBUTE = struct.Struct("<BHHI")  # level, id, type, length
_CHECKSUM_BYTES = 2
_ATTACHMENT_LEVEL = 2
_MESSAGE_INTERFACE = bytes.fromhex("0703020000000000c000000000000046")  # IID_IMessage
_INTERFACE_BYTES = 16
_HELD_BYTES = 1 << 20  # of the content of an attachment whose names are still to come
_PIECE_BYTES = 1 << 16


class _Attribute(IntEnum):
    ATTACH_DATA = 0x800F
    ATTACH_TITLE = 0x8010
    ATTACH_TRANSPORT_FILE_NAME = 0x9001
    ATTACH_REND_DATA = 0x9002  # always the first attribute of an attachment
    ATTACHMENT = 0x9005
    OEM_CODEPAGE = 0x9007


_NAME_RANKS = {
    PropertyId.ATTACH_LONG_FILE_NAME: 0,
    _Attribute.ATTACH_TRANSPORT_FILE_NAME: 1,
    _Attribute.ATTACH_TITLE: 2,
    PropertyId.ATTACH_FILE_NAME: 3,
    PropertyId.DISPLAY_NAME: 4,
}


@dataclass(slots=True, kw_only=True)
class _Attachment:
    """An attachment whose attributes are still coming in."""

    names: dict[int, str] = field(default_factory=dict[int, str])
    content: memoryview = field(default_factory=lambda: memoryview(b""))
    media_type: str = ""
    content_id: str = ""
    is_message: bool = False
    is_started: bool = False  # its content was handed on already

    def known(self) -> EnclosureStarted:
        """What is known by now. Names are kept under their rank: the lowest is the longest form."""
        names = (self.names[rank] for rank in sorted(self.names))
        return EnclosureStarted(
            file_name=next((name for name in names if name), ""),
            media_type=self.media_type or "application/octet-stream",
            content_id=self.content_id.strip("<>"),
        )


class TnefOpener:
    """Opens a TNEF body while it comes: see `StreamOpener`."""

    refusal: Refusal | None = None

    def __init__(self, limits: Limits, sink: Callable[[Found], None]) -> None:
        self.flaws: tuple[Flaw, ...] = ()
        self._limits = limits
        self._sink = sink
        self._encoding = "cp1252"
        self._count = 0
        self._full = False
        self._parser = PushParser(lambda stream: self._parse(stream, depth=0))

    def feed(self, data: bytes) -> None:
        """More of the body."""
        self._parser.feed(data)

    def close(self) -> None:
        """The body is over."""
        self._parser.close()

    def _parse(self, stream: ByteStream, *, depth: int) -> Parsing[None]:
        """Read one stream; what comes before a break is kept."""
        attachment: _Attachment | None = None
        begin = bytearray()
        yield from stream.pass_on(_HEADER_BYTES, begin.extend)
        if not begin.startswith(_SIGNATURE):
            self._note(NO_SIGNATURE)
            return
        while not self._full and (yield from stream.peek()) is not None:
            try:
                header = yield from stream.take(_ATTRIBUTE.size)
            except MalformedError:
                break  # less than an attribute is left: padding, not damage
            level, name, _, length = _ATTRIBUTE.unpack(header)
            if level == _ATTACHMENT_LEVEL:
                if attachment is None or name == _Attribute.ATTACH_REND_DATA:
                    self._end(attachment, depth)
                    attachment = _Attachment()
                whole = yield from self._attribute(stream, attachment, name, length)
            else:
                whole = yield from self._message_attribute(stream, name, length)
            if not whole or (yield from stream.skip(_CHECKSUM_BYTES)) < _CHECKSUM_BYTES:
                self._note(CUT_OFF)
        self._end(attachment, depth)

    def _message_attribute(self, stream: ByteStream, name: int, length: int) -> Parsing[bool]:
        if name == _Attribute.OEM_CODEPAGE:
            value = bytearray()
            whole = (yield from stream.pass_on(min(length, 4), value.extend)) == min(length, 4)
            self._encoding = encoding_of_codepage(int.from_bytes(value, "little"))
            length -= min(length, 4)
            return whole and (yield from stream.skip(length)) == length
        return (yield from stream.skip(length)) == length

    def _attribute(
        self, stream: ByteStream, attachment: _Attachment, name: int, length: int
    ) -> Parsing[bool]:
        """Read an attribute of an attachment; gives whether all of it was there."""
        if name == _Attribute.ATTACH_DATA and length > _HELD_BYTES:
            return (yield from self._content(stream, attachment, length))
        if name not in _Attribute or length > self._limits.container_bytes:
            if name in _Attribute:
                self._note(beyond("container_bytes", self._limits.container_bytes))
            return (yield from stream.skip(length)) == length
        value = bytearray()
        came = yield from stream.pass_on(length, value.extend)
        self._add(attachment, name, memoryview(value))
        return came == length

    def _content(self, stream: ByteStream, attachment: _Attachment, length: int) -> Parsing[bool]:
        """Hand a large content on as it comes, under the name that is known so far."""
        if not self._start(attachment):
            return (yield from stream.skip(length)) == length
        came = yield from stream.pass_on(length, lambda data: self._sink(EnclosureData(data)))
        return came == length

    def _add(self, attachment: _Attachment, name: int, value: memoryview) -> None:
        if name == _Attribute.ATTACH_DATA:
            attachment.content = value
        elif name in {_Attribute.ATTACH_TITLE, _Attribute.ATTACH_TRANSPORT_FILE_NAME}:
            text = bytes(value).decode(self._encoding, "replace").split("\0", 1)[0]
            attachment.names[_NAME_RANKS[_Attribute(name)]] = text
        elif name == _Attribute.ATTACHMENT:
            try:
                for one in read_properties(value):
                    self._add_property(attachment, one)
            except ValueError:
                self._note(BAD_PROPERTIES)

    def _add_property(self, attachment: _Attachment, one: Property) -> None:
        if one.id == PropertyId.ATTACH_DATA and one.type == PropertyType.OBJECT:
            attachment.is_message = bytes(one.value[:_INTERFACE_BYTES]) == _MESSAGE_INTERFACE
            attachment.content = one.value[_INTERFACE_BYTES:]
        elif one.id == PropertyId.ATTACH_DATA and one.type == PropertyType.BINARY:
            attachment.content = one.value
        elif one.type not in {PropertyType.STRING, PropertyType.STRING8}:
            return
        elif one.id == PropertyId.ATTACH_MIME_TAG:
            attachment.media_type = one.text(self._encoding)
        elif one.id == PropertyId.ATTACH_CONTENT_ID:
            attachment.content_id = one.text(self._encoding)
        elif one.id in _NAME_RANKS:
            attachment.names[_NAME_RANKS[PropertyId(one.id)]] = one.text(self._encoding)

    def _start(self, attachment: _Attachment) -> bool:
        """Begin to hand an attachment on; False where there are too many, or it was begun."""
        if attachment.is_started or self._full:
            return False
        if self._count >= self._limits.parts:
            self._full = True
            self._note(beyond("parts", self._limits.parts))
            return False
        self._count += 1
        attachment.is_started = True
        self._sink(attachment.known())
        return True

    def _end(self, attachment: _Attachment | None, depth: int) -> None:
        if attachment is None:
            return
        if attachment.is_message and not attachment.is_started:
            self._descend(attachment.content, depth)
        elif attachment.is_started or self._start(attachment):
            for piece in _pieces(attachment.content):
                self._sink(EnclosureData(piece))
            self._sink(EnclosureEnded(attachment.known()))

    def _descend(self, content: memoryview, depth: int) -> None:
        if depth >= self._limits.depth:
            self._note(beyond("depth", self._limits.depth))
            return
        parser = PushParser(lambda stream: self._parse(stream, depth=depth + 1))
        for piece in _pieces(content):
            parser.feed(piece)
        parser.close()

    def _note(self, flaw: Flaw) -> None:
        if flaw not in self.flaws:
            self.flaws = (*self.flaws, flaw)


def _pieces(content: memoryview) -> Iterator[bytes]:
    for at in range(0, len(content), _PIECE_BYTES):
        yield bytes(content[at : at + _PIECE_BYTES])
