"""Reads messages with the MIME reader in tests, and says what came of them in comparable values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mail_ingest.extract import is_file
from mail_ingest.mime.events import DefectFound, PartData, PartEnded, PartStarted
from mail_ingest.mime.limits import Limits
from mail_ingest.mime.reader import MimeReader

if TYPE_CHECKING:
    from mail_ingest.mime.defects import Defect
    from mail_ingest.mime.events import Event, Part, Refusal

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
                assert part is stack[-1].part
                assert data
                stack[-1].content += data
            case PartEnded(part, size, end, refusal):
                ended = stack.pop()
                assert part is ended.part
                assert size == len(ended.content)
                ended.end, ended.refusal = end, refusal
                reading.story.append((part.path, ended.content, end, refusal))
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
