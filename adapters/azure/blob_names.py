"""Blob names as Azure Blob Storage keeps them, one to one, and what kind of blob a name is of.

A name is kept as it is, save for what Azure does not take or other clients mangle: ``%``, a
backslash, control characters, U+FFFE, U+FFFF and a dot at the end of a segment become ``%XX`` of
their UTF-8 (learn.microsoft.com, "Naming and referencing containers, blobs, and metadata").
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from shared.blob_names import MAX_NAME_BYTES, checked

_ESCAPED = re.compile(r"[%\\\x00-\x1f\x7f-\x9f\ufffe\uffff]|\.(?=/|\Z)")


def stored_name(name: str) -> str:
    """A blob's name in the container; raises ValueError when it is no name, or gets too long."""
    stored = _ESCAPED.sub(_escape, checked(name))
    if len(stored) > MAX_NAME_BYTES:
        raise ValueError(f"{name!r} is too long a blob name: escaped, it has {len(stored)} letters")
    return stored


def stored_prefix(prefix: str) -> str:
    """What the stored names of all names with this prefix begin with; maybe others as well."""
    return _ESCAPED.sub(_escape, prefix.rstrip("."))  # is a dot there the last of its segment?


def original_name(stored: str) -> str:
    """Undo `stored_name`."""
    return unquote(stored)


def kind_of(name: str) -> str:
    """``original``, ``media`` or ``record``: what a lifecycle rule may tell apart."""
    match name.split("/"):
        case ["submissions", _, "original.eml"] | ["submissions", _, "attempts", _, "original.eml"]:
            return "original"
        case ["submissions", _, "media", *_] | ["submissions", _, "attempts", _, "media", *_]:
            return "media"
        case _:
            return "record"


def _escape(match: re.Match[str]) -> str:
    return f"%{ord('.'):02X}" if match[0] == "." else quote(match[0], safe="")
