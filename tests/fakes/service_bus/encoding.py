"""AMQP values to bytes (part 1 section 1.6). Always the widest form of a type: simple and right."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, cast
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

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBERS: dict[type[object], tuple[int, str]] = {
    bool: (0x56, ">B"),
    Ubyte: (0x50, ">B"),
    Ushort: (0x60, ">H"),
    Uint: (0x70, ">I"),
    Ulong: (0x80, ">Q"),
    Byte: (0x51, ">b"),
    Short: (0x61, ">h"),
    Int: (0x71, ">i"),
    Long: (0x81, ">q"),
    Float: (0x72, ">f"),
    float: (0x82, ">d"),
    Char: (0x73, ">I"),
    Timestamp: (0x83, ">q"),
}
_DECIMALS = {4: 0x74, 8: 0x84, 16: 0x94}


def encode(value: object) -> bytes:
    """A value as AMQP. Raises TypeError for what AMQP has no type for, such as a bare `int`."""
    if value is None:
        return b"\x40"
    if isinstance(value, Described):
        return b"\x00" + _descriptor(value.descriptor) + encode(value.value)
    code, content = _constructed(value)
    return bytes((code,)) + content


def _descriptor(descriptor: object) -> bytes:
    """A descriptor. The SDK reads the codes of composites in one form only: smallulong."""
    if isinstance(descriptor, Ulong) and descriptor < 0x100:
        return bytes((0x53, descriptor))
    return encode(descriptor)


def _constructed(value: Any) -> tuple[int, bytes]:
    """The constructor of a value, and what follows it."""
    kind = cast("type[object]", type(value))
    if kind in _NUMBERS:
        code, layout = _NUMBERS[kind]
        return code, struct.pack(layout, value)
    if kind in _OTHERS:
        return _OTHERS[kind](value)
    raise TypeError(f"{kind.__name__} is no type of AMQP 1.0")


def _sized(code: int, content: bytes) -> tuple[int, bytes]:
    return code, struct.pack(">I", len(content)) + content


def _compound(code: int, count: int, content: bytes) -> tuple[int, bytes]:
    return _sized(code, struct.pack(">I", count) + content)


def _list(items: list[object]) -> tuple[int, bytes]:
    return _compound(0xD0, len(items), b"".join(map(encode, items)))


def _map(entries: dict[object, object]) -> tuple[int, bytes]:
    content = b"".join(encode(key) + encode(value) for key, value in entries.items())
    return _compound(0xD1, 2 * len(entries), content)


def _array(array: Array) -> tuple[int, bytes]:
    """Items of one type: the constructor once, then what follows it for each."""
    constructed = [_constructed(item) for item in array.items]
    code = constructed[0][0] if constructed else 0x40
    content = bytes((code,)) + b"".join(content for _, content in constructed)
    return _compound(0xF0, len(constructed), content)


_OTHERS: dict[type[object], Callable[[Any], tuple[int, bytes]]] = {
    str: lambda text: _sized(0xB1, text.encode("utf-8")),
    Symbol: lambda text: _sized(0xB3, text.encode("ascii")),
    bytes: lambda raw: _sized(0xB0, raw),
    UUID: lambda uuid: (0x98, uuid.bytes),
    Decimal: lambda number: (_DECIMALS[len(number.raw)], number.raw),
    list: _list,
    dict: _map,
    Array: _array,
}
