"""Openers of formats that hold files and are not MIME: bytes in, enclosures out, no I/O.

An opener never raises on any input: what cannot be read is a flaw, and what came before is kept.
Formats whose parts say how long they are (TNEF, CMS) are opened while they come (`StreamOpener`);
those that must be held as a whole (.msg, Sun) are functions that give what they found (`Opened`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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

    `refusal` says that the body cannot be opened at all.
    """

    enclosures: tuple[Enclosure, ...] = ()
    refusal: Refusal | None = None
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclosureStarted:
    """A file inside a container begins; see `Enclosure`."""

    file_name: str
    media_type: str
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class EnclosureData:
    """The next bytes of the file."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EnclosureEnded:
    """The file is over. `known` is all that is known of it now: a container may say only after the
    content what it is called.
    """

    known: EnclosureStarted


@dataclass(frozen=True, slots=True)
class EntityData:
    """The next bytes of the MIME entity that a container holds."""

    data: bytes


type Found = EnclosureStarted | EnclosureData | EnclosureEnded | EntityData


class StreamOpener(Protocol):
    """Opens a container while it comes and hands what it finds to a sink at once.

    `flaws` and `refusal` (it cannot be opened at all) may be read after `close`.
    """

    flaws: tuple[Flaw, ...]
    refusal: Refusal | None

    def feed(self, data: bytes) -> None:
        """More of the container's content."""
        ...

    def close(self) -> None:
        """The content is over."""
        ...
