"""MAPI properties: their numbers, and the list of them inside a TNEF attribute (MS-OXTNEF 2.1.3).

Only what names, types or holds an attachment is told apart; every other property is stepped over.
"""

from __future__ import annotations

import codecs
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class PropertyId(IntEnum):
    """The properties of an attachment that we read (MS-OXPROPS)."""

    DISPLAY_NAME = 0x3001
    ATTACH_DATA = 0x3701
    ATTACH_FILE_NAME = 0x3704
    ATTACH_LONG_FILE_NAME = 0x3707
    ATTACH_MIME_TAG = 0x370E
    ATTACH_CONTENT_ID = 0x3712


class PropertyType(IntEnum):
    """The property types that have a length of their own (MS-OXCDATA 2.11.1)."""

    OBJECT = 0x000D
    STRING8 = 0x001E
    STRING = 0x001F
    BINARY = 0x0102


class Property(NamedTuple):
    """One value. Of an OBJECT the first 16 bytes are the interface that it answers to."""

    id: int
    type: int
    value: memoryview

    def text(self, encoding: str) -> str:
        """The value of a string property without its closing NUL; wrong bytes are replaced."""
        used = "utf-16-le" if self.type == PropertyType.STRING else encoding
        return bytes(self.value).decode(used, "replace").split("\0", 1)[0]


_CODEPAGES = {20127: "ascii", 20866: "koi8-r", 28591: "latin-1", 65001: "utf-8"}
_WESTERN_EUROPEAN = "cp1252"
_FIXED_SIZES = {
    0x0002: 2, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8,
    0x000A: 4, 0x000B: 2, 0x0014: 8, 0x0040: 8, 0x0048: 16,
}  # fmt: skip
_VARIABLE_TYPES = frozenset(PropertyType)
_MULTIPLE_VALUES = 0x1000
_FIRST_NAMED_ID = 0x8000
_U32 = struct.Struct("<I")
_TAG = struct.Struct("<HH")


def encoding_of_codepage(number: int) -> str:
    """Python's name of a Windows code page; Western European where there is none."""
    name = _CODEPAGES.get(number, f"cp{number}")
    try:
        codecs.lookup(name)
    except LookupError:
        return _WESTERN_EUROPEAN
    return name


def read_properties(data: memoryview) -> Iterator[Property]:
    """The properties of an attribute in order; raises ValueError where the list breaks off.

    The claimed count is not trusted: the walk ends with the bytes.
    """
    cursor = _Cursor(data)
    for _ in range(cursor.u32()):
        if cursor.at_end():
            raise ValueError("the list of properties ends early")
        kind, number = _TAG.unpack(cursor.take(4))
        if number >= _FIRST_NAMED_ID:
            cursor.skip_name()
        for value in _values(cursor, kind):
            yield Property(number, kind & ~_MULTIPLE_VALUES, value)


def _values(cursor: _Cursor, kind: int) -> Iterator[memoryview]:
    base = kind & ~_MULTIPLE_VALUES
    if base in _FIXED_SIZES:  # numbers and times: none of them is wanted
        cursor.take(_FIXED_SIZES[base] * (cursor.u32() if kind & _MULTIPLE_VALUES else 1))
    elif base in _VARIABLE_TYPES:
        for _ in range(cursor.u32()):  # written even where there can only be one
            yield cursor.take(cursor.u32())
    else:
        raise ValueError(f"the property type {kind:#06x} is unknown")


class _Cursor:
    """A place in the bytes; reading past their end raises ValueError."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def at_end(self) -> bool:
        return self._at >= len(self._data)

    def take(self, size: int) -> memoryview:
        """The next `size` bytes; the padding to a multiple of four is stepped over."""
        end = self._at + size
        if end > len(self._data):
            raise ValueError("a property is longer than the bytes that are there")
        taken = self._data[self._at : end]
        self._at = end + -size % 4
        return taken

    def u32(self) -> int:
        (number,) = _U32.unpack(self.take(4))
        return number

    def skip_name(self) -> None:
        """Step over the GUID and the number or text by which a property is named."""
        self.take(16)
        if self.u32() == 0:
            self.take(4)
        else:
            self.take(self.u32())
