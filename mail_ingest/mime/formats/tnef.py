"""TNEF, the winmail.dat of Outlook and Exchange: its attachments (MS-OXTNEF).

Attachments of messages that are embedded in it are given too, in limits. The message's own body,
plain, HTML or RTF, is no attachment and is stepped over.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw, beyond
from mail_ingest.mime.formats import Enclosure, Opened
from mail_ingest.mime.formats.mapi import (
    Property,
    PropertyId,
    PropertyType,
    encoding_of_codepage,
    read_properties,
)

if TYPE_CHECKING:
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


class _Attribute(IntEnum):
    ATTACH_DATA = 0x800F
    ATTACH_TITLE = 0x8010
    ATTACH_TRANSPORT_FILE_NAME = 0x9001
    ATTACH_REND_DATA = 0x9002  # always the first attribute of an attachment
    ATTACHMENT = 0x9005
    OEM_CODEPAGE = 0x9007


@dataclass(slots=True, kw_only=True)
class _Draft:
    """An attachment whose attributes are still coming in."""

    names: dict[int, str] = field(default_factory=dict[int, str])
    content: memoryview = field(default_factory=lambda: memoryview(b""))
    media_type: str = ""
    content_id: str = ""
    is_message: bool = False

    def file_name(self) -> str:
        """The best name: names are kept under their rank, and the lowest is the longest form."""
        return next((self.names[rank] for rank in sorted(self.names) if self.names[rank]), "")


_NAME_RANKS = {
    PropertyId.ATTACH_LONG_FILE_NAME: 0,
    _Attribute.ATTACH_TRANSPORT_FILE_NAME: 1,
    _Attribute.ATTACH_TITLE: 2,
    PropertyId.ATTACH_FILE_NAME: 3,
    PropertyId.DISPLAY_NAME: 4,
}


def open_tnef(body: bytes, limits: Limits) -> Opened:
    """The attachments of a TNEF body, with their long file names."""
    if not body.startswith(_SIGNATURE):
        return Opened(flaws=(NO_SIGNATURE,))
    reader = _Reader(limits)
    reader.read(memoryview(body), depth=0)
    return Opened(enclosures=tuple(reader.enclosures), flaws=tuple(reader.flaws))


class _Reader:
    """Walks the attributes of a TNEF stream and of the messages embedded in it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._encoding = "cp1252"
        self._full = False
        self.enclosures: list[Enclosure] = []
        self.flaws: list[Flaw] = []

    def read(self, data: memoryview, *, depth: int) -> None:
        """Read one stream; what comes before a break is kept."""
        draft: _Draft | None = None
        at = _HEADER_BYTES
        while at + _ATTRIBUTE.size <= len(data) and not self._full:
            level, name, _, length = _ATTRIBUTE.unpack_from(data, at)
            value = data[at + _ATTRIBUTE.size :][:length]
            at += _ATTRIBUTE.size + length + _CHECKSUM_BYTES
            if name == _Attribute.OEM_CODEPAGE:
                self._encoding = encoding_of_codepage(int.from_bytes(value[:4], "little"))
            elif level == _ATTACHMENT_LEVEL:
                if draft is None or name == _Attribute.ATTACH_REND_DATA:
                    self._close(draft, depth)
                    draft = _Draft()
                self._add(draft, name, value)
        self._close(draft, depth)
        if at > len(data):
            self._note(CUT_OFF)

    def _add(self, draft: _Draft, name: int, value: memoryview) -> None:
        if name == _Attribute.ATTACH_DATA:
            draft.content = value
        elif name in {_Attribute.ATTACH_TITLE, _Attribute.ATTACH_TRANSPORT_FILE_NAME}:
            text = bytes(value).decode(self._encoding, "replace").split("\0", 1)[0]
            draft.names[_NAME_RANKS[_Attribute(name)]] = text
        elif name == _Attribute.ATTACHMENT:
            try:
                for one in read_properties(value):
                    self._add_property(draft, one)
            except ValueError:
                self._note(BAD_PROPERTIES)

    def _add_property(self, draft: _Draft, one: Property) -> None:
        if one.id == PropertyId.ATTACH_DATA and one.type == PropertyType.OBJECT:
            draft.is_message = bytes(one.value[:_INTERFACE_BYTES]) == _MESSAGE_INTERFACE
            draft.content = one.value[_INTERFACE_BYTES:]
        elif one.id == PropertyId.ATTACH_DATA and one.type == PropertyType.BINARY:
            draft.content = one.value
        elif one.type not in {PropertyType.STRING, PropertyType.STRING8}:
            return
        elif one.id == PropertyId.ATTACH_MIME_TAG:
            draft.media_type = one.text(self._encoding)
        elif one.id == PropertyId.ATTACH_CONTENT_ID:
            draft.content_id = one.text(self._encoding)
        elif one.id in _NAME_RANKS:
            draft.names[_NAME_RANKS[PropertyId(one.id)]] = one.text(self._encoding)

    def _close(self, draft: _Draft | None, depth: int) -> None:
        if draft is None:
            return
        if draft.is_message:
            self._descend(draft, depth)
        elif len(self.enclosures) >= self._limits.parts:
            self._full = True
            self._note(beyond("parts", self._limits.parts))
        else:
            self.enclosures.append(
                Enclosure(
                    file_name=draft.file_name(),
                    content=bytes(draft.content),
                    media_type=draft.media_type or "application/octet-stream",
                    content_id=draft.content_id.strip("<>"),
                )
            )

    def _descend(self, draft: _Draft, depth: int) -> None:
        if depth >= self._limits.depth:
            self._note(beyond("depth", self._limits.depth))
        elif bytes(draft.content[: len(_SIGNATURE)]) != _SIGNATURE:
            self._note(NO_SIGNATURE)
        else:
            self.read(draft.content, depth=depth + 1)

    def _note(self, flaw: Flaw) -> None:
        if flaw not in self.flaws:
            self.flaws.append(flaw)
