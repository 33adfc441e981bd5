"""Openers: bodies that hold files in a form of their own (TNEF, CMS, Outlook .msg and others).

Each opener is a pure function of a whole body and the limits. None raises on bad input: what can be
read is given, and a flaw says what is wrong. Not here: deciding which bodies to open, and where in
the message they lie; the reader does both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong with a body: the clause of the standard that it breaks, and a sentence."""

    clause: str
    sentence: str


class Refusal(StrEnum):
    """Why a body was not opened at all."""

    ENCRYPTED = "encrypted"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file that was found inside a body; the media type is what the body claims."""

    file_name: str
    content: bytes
    media_type: str = "application/octet-stream"
    content_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a body holds: files, or a MIME entity that is to be read on, or neither if refused."""

    enclosures: tuple[Enclosure, ...] = ()
    entity: bytes | None = None  # header fields, blank line, body (RFC 2045 section 2.4)
    refusal: Refusal | None = None
    flaws: tuple[Flaw, ...] = ()
