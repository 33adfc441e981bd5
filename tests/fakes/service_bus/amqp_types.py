"""AMQP 1.0 types that Python has no type of its own for (part 1, types).

`None`, `bool`, `str`, `bytes`, `float` (double), `list`, `dict` (map) and `uuid.UUID` stand for
themselves. A whole number needs its width on the wire, so each width is a class of `int`. What is
decoded is encoded again as the same type.
"""

from __future__ import annotations

from dataclasses import dataclass


class Ubyte(int):
    """8 bits, unsigned."""


class Ushort(int):
    """16 bits, unsigned."""


class Uint(int):
    """32 bits, unsigned."""


class Ulong(int):
    """64 bits, unsigned."""


class Byte(int):
    """8 bits, signed."""


class Short(int):
    """16 bits, signed."""


class Int(int):
    """32 bits, signed."""


class Long(int):
    """64 bits, signed."""


class Timestamp(int):
    """Milliseconds since 1970 in UTC."""


class Char(int):
    """A code point."""


class Float(float):
    """32 bits; 64 bits are `float`."""


class Symbol(str):
    """A word of ASCII."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal number of 4, 8 or 16 bytes, which nobody here reckons with."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Array:
    """Items of one type."""

    items: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that says what it means."""

    descriptor: object
    value: object
