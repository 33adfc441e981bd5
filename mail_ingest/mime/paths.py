"""Paths of parts, as IMAP writes the sections of a message (RFC 3501 section 6.4.5)."""

from __future__ import annotations

_TEXT = "TEXT"


def child_path(parent: str, number: int) -> str:
    """The path of the part with this number, from 1; `parent` is empty for the message itself."""
    return f"{_prefix(parent)}{number}"


def sole_path(parent: str, *, multipart: bool) -> str:
    """The path of what a message consists of: its multipart, or its only part."""
    return f"{_prefix(parent)}{_TEXT if multipart else 1}"


def _prefix(parent: str) -> str:
    if not parent or parent.endswith(_TEXT):
        return parent.removesuffix(_TEXT)
    return f"{parent}."
