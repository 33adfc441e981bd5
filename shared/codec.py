"""JSON in and out: one place, so that every wire type is written and read alike (msgspec)."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.errors import StorageCorruptError
from shared.model import JsonObject


def to_json(value: object) -> bytes:
    """A wire value as UTF-8 JSON."""
    return msgspec.json.encode(value)


def from_json[T](data: bytes | str, kind: type[T], *, where: str) -> T:
    """Read a wire value; raises StorageCorruptError, naming `where`, when it is not of the kind."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StorageCorruptError(where, str(exc)) from exc


def to_payload(value: object) -> JsonObject:
    """A wire value as plain JSON primitives, as the durable engine wants it."""
    payload: Any = msgspec.to_builtins(value)
    return payload


def from_payload[T](payload: object, kind: type[T]) -> T:
    """Read a value from plain JSON primitives; raises msgspec.ValidationError."""
    return msgspec.convert(payload, kind)
