"""Bytes to AMQP values (part 1 section 1.6)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from uuid import UUID

from tests.fakes.service_bus.amqp_types import (
    Array,
    Byte,
    Char,
    Decimal,
    Described,
    Float,
    Int,
    Long,
    Short,
    Symbol,
    Timestamp,
    Ubyte,
    Uint,
    Ulong,
    Ushort,
)
from tests.fakes.service_bus.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

_DESCRIBED = 0x00
_FIXED: dict[int, tuple[str, Callable[[int], object]]] = {
    0x50: (">B", Ubyte),
    0x60: (">H", Ushort),
    0x70: (">I", Uint),
    0x52: (">B", Uint),
    0x80: (">Q", Ulong),
    0x53: (">B", Ulong),
    0x51: (">b", Byte),
    0x61: (">h", Short),
    0x71: (">i", Int),
    0x54: (">b", Int),
    0x81: (">q", Long),
    0x55: (">b", Long),
    0x72: (">f", Float),
    0x82: (">d", float),
    0x73: (">I", Char),
    0x83: (">q", Timestamp),
    0x56: (">B", bool),
}
_EMPTY: dict[int, Callable[[], object]] = {
    0x40: lambda: None,
    0x41: lambda: True,
    0x42: lambda: False,
    0x43: lambda: Uint(0),
    0x44: lambda: Ulong(0),
    0x45: list,
}
_RAW: dict[int, tuple[int, Callable[[bytes], object]]] = {
    0x74: (4, Decimal),
    0x84: (8, Decimal),
    0x94: (16, Decimal),
    0x98: (16, lambda raw: UUID(bytes=raw)),
}
_VARIABLE: dict[int, Callable[[bytes], object]] = {
    0xA0: bytes,
    0xA1: lambda raw: _text(raw, "utf-8"),
    0xA3: lambda raw: Symbol(_text(raw, "ascii")),
}
_WIDE = 0x10  # the same type with a length of four bytes: 0xb0 for 0xa0, 0xd0 for 0xc0


class Reader:
    """Reads values one after the other. Raises ProtocolError for bytes that are no AMQP."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = bytes(data)
        self.position = 0

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self.position >= len(self._data)

    def since(self, start: int) -> bytes:
        """The bytes from `start` to where the reader is."""
        return self._data[start : self.position]

    def rest(self) -> bytes:
        """All that was not read."""
        return self._data[self.position :]

    def value(self) -> object:
        """The next value."""
        code = self._byte()
        if code != _DESCRIBED:
            return self._plain(code)
        descriptor = self.value()
        return Described(descriptor, self.value())

    def _plain(self, code: int) -> object:
        if code in _FIXED:
            layout, kind = _FIXED[code]
            return kind(self._number(layout))
        if code in _EMPTY:
            return _EMPTY[code]()
        if code in _RAW:
            size, make = _RAW[code]
            return make(self._take(size))
        return self._sized(code)

    def _sized(self, code: int) -> object:
        narrow, layout = (code, ">B") if code & _WIDE == 0 else (code - _WIDE, ">I")
        size = self._number(layout)
        if narrow in _VARIABLE:
            return _VARIABLE[narrow](self._take(size))
        inner = Reader(self._take(size))
        count = inner._number(layout)
        if narrow == 0xC0:
            return [inner.value() for _ in range(count)]
        if narrow == 0xC1:
            return inner._map(count // 2)
        if narrow == 0xE0:
            return inner._array(count)
        raise ProtocolError(f"0x{code:02x} is no type of AMQP 1.0")

    def _map(self, count: int) -> dict[object, object]:
        entries = [(self.value(), self.value()) for _ in range(count)]
        try:
            return dict(entries)
        except TypeError as exc:  # AMQP would let a list be a key
            raise ProtocolError("a key of a map is no plain value") from exc

    def _array(self, count: int) -> Array:
        code = self._byte()
        if code != _DESCRIBED:
            return Array(tuple(self._plain(code) for _ in range(count)))
        descriptor, code = self.value(), self._byte()
        return Array(tuple(Described(descriptor, self._plain(code)) for _ in range(count)))

    def _byte(self) -> int:
        return self._take(1)[0]

    def _number(self, layout: str) -> int:
        (number,) = struct.unpack(layout, self._take(struct.calcsize(layout)))
        return number

    def _take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self._data):
            raise ProtocolError("the AMQP value is cut short")
        taken = self._data[self.position : end]
        self.position = end
        return taken


def _text(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as exc:
        raise ProtocolError(f"the text is no {encoding}") from exc
