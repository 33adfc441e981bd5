"""Reads messages with the MIME reader in tests, and says what came of them in comparable values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from mail_ingest.extract import is_file
from mail_ingest.mime.events import Container, DefectFound, PartData, PartEnded, PartStarted
from mail_ingest.mime.formats import (
    Enclosure,
    EnclosureData,
    EnclosureEnded,
    EnclosureStarted,
    EntityData,
)
from mail_ingest.mime.limits import Limits
from mail_ingest.mime.reader import MimeReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from mail_ingest.mime.defects import Defect, Flaw
    from mail_ingest.mime.events import Event, Part, Refusal
    from mail_ingest.mime.formats import Found, StreamOpener

OPENED_WHILE_THEY_COME = (Container.TNEF, Container.SIGNED)
CHUNK_SIZES = (1, 7, 4096, 262_144)


@dataclass(slots=True)
class ReadPart:
    """A part with all its content and how it ended."""

    part: Part
    content: bytes = b""
    end: int | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class Reading:
    """All that came of a message. `story` tells it in order and can be compared."""

    parts: list[ReadPart] = field(default_factory=list["ReadPart"])
    defects: list[Defect] = field(default_factory=list["Defect"])
    story: list[object] = field(default_factory=list[object])

    @property
    def files(self) -> list[tuple[str, bytes]]:
        """The files, by name and content."""
        return [(each.part.file_name, each.content) for each in self.parts if is_file(each.part)]

    @property
    def limits(self) -> list[str]:
        """The limits that were reached."""
        return [defect.limit for defect in self.defects if defect.limit]

    def at(self, path: str) -> ReadPart:
        """The part with this path."""
        return next(each for each in self.parts if each.part.path == path)


@dataclass(slots=True)
class Opening:
    """All that came out of a container."""

    enclosures: list[Enclosure] = field(default_factory=list["Enclosure"])
    entity: bytes = b""
    flaws: tuple[Flaw, ...] = ()
    refusal: Refusal | None = None


def open_container(
    opener: Callable[[Limits, Callable[[Found], None]], StreamOpener],
    raw: bytes,
    limits: Limits,
    chunk: int = 65_536,
) -> Opening:
    """Open a container that comes in chunks of a size."""
    opening = Opening()
    content = bytearray()
    entity = bytearray()

    def take(found: Found) -> None:
        match found:
            case EnclosureStarted():
                content.clear()
            case EnclosureData(data):
                content.extend(data)
            case EnclosureEnded(known):
                opening.enclosures.append(Enclosure(**asdict(known), content=bytes(content)))
            case EntityData(data):
                entity.extend(data)

    opened = opener(limits, take)
    for start in range(0, len(raw), chunk):
        opened.feed(raw[start : start + chunk])
    opened.close()
    opening.entity, opening.flaws, opening.refusal = bytes(entity), opened.flaws, opened.refusal
    return opening


def read(raw: bytes, chunk: int = 262_144, limits: Limits | None = None) -> Reading:
    """Read a message in chunks of a size; checks that the events nest as they should."""
    reader = MimeReader(limits or Limits())
    reading = Reading()
    stack: list[ReadPart] = []
    for start in range(0, len(raw), chunk):
        _note(reader.feed(raw[start : start + chunk]), reading, stack)
    _note(reader.close(), reading, stack)
    assert not stack
    return reading


def _note(events: list[Event], reading: Reading, stack: list[ReadPart]) -> None:
    for event in events:
        match event:
            case PartStarted(part):
                assert part.parent is (stack[-1].part if stack else None)
                stack.append(ReadPart(part))
                reading.parts.append(stack[-1])
                reading.story.append(_facts(part))
            case PartData(part, data):
                assert data
                assert part is stack[-1].part or part.container in OPENED_WHILE_THEY_COME
                holder = next(each for each in reversed(stack) if each.part is part)
                holder.content += data
            case PartEnded(part, size, end, refusal, final):
                ended = stack.pop()
                assert part is ended.part
                assert size == len(ended.content)
                ended.part, ended.end, ended.refusal = final, end, refusal
                reading.story.append((_facts(final), ended.content, end, refusal))
            case DefectFound(defect):
                reading.defects.append(defect)
                reading.story.append(defect)


def _facts(part: Part) -> tuple[object, ...]:
    return (
        part.path,
        part.header,
        part.media_type,
        dict(part.parameters),
        part.disposition,
        part.file_name,
        part.content_id,
        part.transfer_encoding,
        part.container,
        part.refusal,
        part.start,
        part.body,
    )
