"""Openers of formats that hold files and are not MIME: bytes in, enclosures out, no I/O.

An opener never raises on any input: what cannot be read is a flaw, and what came before is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A file begins inside a text."""

    file_name: str


@dataclass(frozen=True, slots=True)
class FileData:
    """The next bytes of the file that started last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FileEnded:
    """The file that started last is over."""

    flaws: tuple[Flaw, ...] = ()


type FileEvent = FileStarted | FileData | FileEnded


class Scanner(Protocol):
    """Finds files inside a text as it streams by; never raises, and holds a few lines at most.

    The events, their data joined, do not depend on how the text is cut.
    """

    def feed(self, text: bytes) -> Sequence[FileEvent]:
        """What this piece of the text brings."""
        ...

    def close(self) -> Sequence[FileEvent]:
        """What the end of the text brings: a file that is open ends, with a flaw."""
        ...
