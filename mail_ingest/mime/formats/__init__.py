"""Openers of formats that hold files and are not MIME: bytes in, enclosures out, no I/O.

An opener never raises on any input: what cannot be read is a flaw, and what came before is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mail_ingest.mime.defects import Flaw
    from mail_ingest.mime.events import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """One file inside a container. `content_id` is set where the format has one."""

    file_name: str
    media_type: str  # application/octet-stream when the format does not say
    content: bytes
    content_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What was found inside a container.

    `enclosures` are files; `entity` is a whole MIME entity (of S/MIME: its signed content, RFC 8551
    3.1), empty when the format holds none. `refusal` says that the body cannot be opened at all.
    """

    enclosures: tuple[Enclosure, ...] = ()
    entity: bytes = b""
    refusal: Refusal | None = None
    flaws: tuple[Flaw, ...] = ()
