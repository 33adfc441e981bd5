"""What a blob may be called, the same on every platform.

Not here: how a platform keeps a name; each adapter knows that of its own.
"""

from __future__ import annotations

MAX_NAME_BYTES = 1024  # as Azure Blob Storage counts characters; UTF-8


def checked(name: str) -> str:
    """The name, if it is one; raises ValueError with the reason if not."""
    if not name or len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"a blob name has 1 to {MAX_NAME_BYTES} bytes, not {len(name.encode())}")
    if "\0" in name:
        raise ValueError("a blob name has no NUL character")
    if any(segment in {"", ".", ".."} for segment in name.split("/")):
        raise ValueError(f"{name!r} is no blob name: a segment is empty, '.' or '..'")
    return name
