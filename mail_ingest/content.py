"""The reader's events, sorted: text to the body's text, everything else to the media collector."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mail_ingest.attachments import is_text_body, kind_of, why_refused
from mail_ingest.body_text import BodyText
from mail_ingest.incoming import IncomingFile
from mail_ingest.mime.events import DefectFound, PartData, PartEnded, PartStarted, Refusal
from mail_ingest.sniff import HEAD_BYTES, sniff
from shared.model import Defect, LeftOutReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mail_ingest.collect import MediaCollector
    from mail_ingest.mime.events import Event, Part

_MOST_DEFECTS = 100
_EVENTS_AT_A_TIME = 64


class ContentSorter:
    """Takes the events of one message, in order."""

    def __init__(self, collector: MediaCollector) -> None:
        self.body = BodyText()
        self.header = b""
        self.defects: list[Defect] = []
        self._collector = collector
        self._is_text: bool | None = None  # what the part under way is, once its content tells
        self._opened: set[str] = set()  # paths of containers (TNEF, ...) that gave something
        self._flawed: set[str] = set()

    async def take(self, events: Iterable[Event]) -> None:
        """Raises StorageFullError."""
        for number, event in enumerate(events):
            if number % _EVENTS_AT_A_TIME == _EVENTS_AT_A_TIME - 1:
                await asyncio.sleep(0)  # thousands of tiny parts must not hold up the event loop
            match event:
                case PartStarted(part):
                    await self._start(part)
                case PartData(part, data):
                    await self._data(part, data)
                case PartEnded(part, size, _, refusal, final):
                    await self._end(part, size, refusal, final)
                case DefectFound(defect):
                    self._note(defect.part, defect.clause, defect.sentence)

    async def _start(self, part: Part) -> None:
        if part.parent is None:
            self.header = part.header
        elif part.parent.container is not None:
            self._opened.add(part.parent.path)
        elif self._is_text:  # a file that stands in a text: keep what came before it
            self.body.end(part.parent, size=0)
        elif self._is_text is False:  # the same in what called itself a text
            await self._collector.end()
        self._is_text = None

    async def _data(self, part: Part, data: bytes) -> None:
        if part.container is not None:
            return  # the reader opens it, and what it holds comes as parts
        if self._is_text is None:
            self._begin(part, data)
        if self._is_text:
            self.body.write(part, data)
        else:
            await self._collector.write(data)

    def _begin(self, part: Part, data: bytes = b"") -> None:
        """A leaf's first bytes are here. A part without a type counts as text (RFC 2045 5.2), but a
        photo is a photo.
        """
        self._is_text = is_text_body(part) and not _is_media(data)
        if self._is_text:
            self.body.begin()
        else:
            self._collector.begin(claims_of(part))

    async def _end(self, part: Part, size: int, refusal: Refusal | None, final: Part) -> None:
        if part.container is not None:
            self._end_container(part, size, refusal)
            return
        if self._is_text is None:
            self._begin(part)
        if self._is_text:
            self.body.end(part, size)
        else:
            await self._collector.end(why_refused(refusal), known=claims_of(final))
        self._is_text = None

    def _end_container(self, part: Part, size: int, refusal: Refusal | None) -> None:
        """A container that could not be opened is left out itself."""
        if part.is_container or part.path in self._opened:
            return
        if refusal is not None or part.path in self._flawed:
            reason = why_refused(refusal) or LeftOutReason.UNREADABLE
            self._collector.leave_out(claims_of(part), size, reason)

    def _note(self, part: str, clause: str, sentence: str) -> None:
        if len(self.defects) < _MOST_DEFECTS:
            self.defects.append(Defect(part=part, clause=clause, sentence=sentence))
            self._flawed.add(part)


def claims_of(part: Part) -> IncomingFile:
    """What a part says of the file in it."""
    unknown_encoding = part.refusal is Refusal.UNKNOWN_ENCODING
    return IncomingFile(
        file_name=part.file_name,
        declared_type=part.media_type,
        content_id=part.content_id,
        otherwise=LeftOutReason.REFUSED_ENCODING if unknown_encoding else None,
    )


def _is_media(head: bytes) -> bool:
    """Whether it is no text but a photo or a video; text has no NUL, so most is told fast."""
    return b"\0" in head[:512] and kind_of(sniff(head[:HEAD_BYTES])) is not None
