"""Keys of table rows for any text: its hash, because keys refuse some characters."""

from __future__ import annotations

from hashlib import sha256


def table_key(text: str) -> str:
    """A PartitionKey or RowKey that stands for this text."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sortable_time(seconds: float) -> str:
    """A time (seconds since 1970) as text that sorts like it, to the millisecond."""
    return f"{seconds:016.3f}"
