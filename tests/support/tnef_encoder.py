"""Writes TNEF as Outlook does (MS-OXTNEF), for tests and fixtures only."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SIGNATURE = 0x223E9F78
MESSAGE_INTERFACE = bytes.fromhex("0703020000000000c000000000000046")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An attachment. `is_message` says that the content is a TNEF stream of its own."""

    name: str
    content: bytes
    media_type: str = ""
    content_id: str = ""
    is_message: bool = False


def tnef(*files: File, body: str = "", codepage: int = 1252) -> bytes:
    """A TNEF stream with these attachments and a compressed RTF body that is no attachment."""
    head = struct.pack("<IH", SIGNATURE, 0x0001)
    head += attribute(1, 0x9006, 8, struct.pack("<I", 0x10000))
    head += attribute(1, 0x9007, 6, struct.pack("<II", codepage, 0))
    head += attribute(1, 0x8008, 7, b"IPM.Microsoft Mail.Note\0")
    head += attribute(1, 0x9003, 6, properties(variable(0x1009, 0x0102, body.encode() or b"RTF")))
    return head + b"".join(_attachment(one, codepage) for one in files)


def attribute(level: int, name: int, kind: int, data: bytes) -> bytes:
    """One attribute with its checksum."""
    checksum = sum(data) & 0xFFFF
    return struct.pack("<BHHI", level, name, kind, len(data)) + data + struct.pack("<H", checksum)


def properties(*encoded: bytes) -> bytes:
    """A property list of properties that are encoded already."""
    return struct.pack("<I", len(encoded)) + b"".join(encoded)


def variable(number: int, kind: int, value: bytes) -> bytes:
    """A property of a type with a length: string, binary, object."""
    padding = b"\0" * (-len(value) % 4)
    return struct.pack("<HHII", kind, number, 1, len(value)) + value + padding


def number(identifier: int, value: int) -> bytes:
    """A 32-bit integer property."""
    return struct.pack("<HHI", 0x0003, identifier, value)


def named(value: int) -> bytes:
    """A property that is named by a GUID and a text, as Outlook's own are."""
    name = "Keywords\0".encode("utf-16-le")
    head = struct.pack("<HH", 0x0003, 0x8001) + bytes(16) + struct.pack("<II", 1, len(name))
    return head + name + b"\0" * (-len(name) % 4) + struct.pack("<I", value)


def _attachment(file: File, codepage: int) -> bytes:
    short = file.name[:6].upper().encode(f"cp{codepage}", "replace") + b"~1.DAT\0"
    wide = (file.name + "\0").encode("utf-16-le")
    listed = [number(0x3705, 5 if file.is_message else 1), named(7), variable(0x3707, 0x1F, wide)]
    if file.media_type:
        listed.append(variable(0x370E, 0x1E, file.media_type.encode() + b"\0"))
    if file.content_id:
        listed.append(variable(0x3712, 0x1E, file.content_id.encode() + b"\0"))
    if file.is_message:
        listed.append(variable(0x3701, 0x0D, MESSAGE_INTERFACE + file.content))
    parts = [attribute(2, 0x9002, 6, struct.pack("<HIIIH", 1, 0xFFFFFFFF, 32, 32, 0))]
    parts.append(attribute(2, 0x8010, 7, short))
    if not file.is_message:
        parts.append(attribute(2, 0x800F, 6, file.content))
    parts.append(attribute(2, 0x9005, 6, properties(*listed)))
    return b"".join(parts)
