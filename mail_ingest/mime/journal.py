"""What one reading has told so far and has used up of its limits; shared by nested readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw, at, beyond
from mail_ingest.mime.events import DefectFound, PartData, PartEnded, PartStarted, Refusal

if TYPE_CHECKING:
    from mail_ingest.mime.events import Event, Part
    from mail_ingest.mime.limits import Limits

_MAX_DEFECTS = 1_000  # a hostile message has one in every line


class LimitReachedError(Exception):
    """A limit was reached, so reading stops; never leaves the reader."""

    def __init__(self, flaw: Flaw, part: str) -> None:
        super().__init__(flaw.sentence)
        self.flaw = flaw
        self.part = part


class OpenPart:
    """A part that has started and not ended."""

    __slots__ = ("children", "part", "size")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.size = 0
        self.children = 0


class Journal:
    """Collects events in their order and refuses to go beyond the limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._events: list[Event] = []
        self._open: list[OpenPart] = []
        self._parts = 0
        self._header_bytes = 0
        self._decoded = 0
        self._defects = 0

    def take(self) -> list[Event]:
        """The events since the last call."""
        events, self._events = self._events, []
        return events

    def start(self, part: Part) -> OpenPart:
        """A part begins inside the parts that are open."""
        if self._parts >= self.limits.parts:
            self.stop("parts", self.limits.parts, part.path)
        if len(self._open) > self.limits.depth:
            self.stop("depth", self.limits.depth, part.path)
        self._parts += 1
        opened = OpenPart(part)
        self._open.append(opened)
        self._events.append(PartStarted(part))
        return opened

    def header(self, size: int, path: str) -> None:
        """So much header was read of a part."""
        self._header_bytes += size
        if self._header_bytes > self.limits.headers_bytes:
            self.stop("headers_bytes", self.limits.headers_bytes, path)

    def data(self, opened: OpenPart, data: bytes) -> None:
        """Content of a part that is open."""
        if not data:
            return
        allowed = self.limits.decoded_bytes - self._decoded
        kept = data if len(data) <= allowed else data[:allowed]
        self._decoded += len(kept)
        opened.size += len(kept)
        if kept:
            self._events.append(PartData(opened.part, kept))
        if len(kept) < len(data):
            self.stop("decoded_bytes", self.limits.decoded_bytes, opened.part.path)

    def end(
        self,
        opened: OpenPart,
        end: int | None,
        refusal: Refusal | None = None,
        *,
        final: Part | None = None,
    ) -> None:
        """A part is over, and so is what is still open in it. `final`: see `PartEnded`."""
        while self._open:
            innermost = self._open.pop()
            part = innermost.part
            known = final if final is not None and innermost is opened else part
            self._events.append(
                PartEnded(part, innermost.size, end, refusal or part.refusal, known)
            )
            if innermost is opened:
                return

    def note(self, path: str, flaw: Flaw) -> None:
        """Something is wrong."""
        if self._defects < _MAX_DEFECTS:
            self._defects += 1
            self._events.append(DefectFound(at(path, flaw)))

    def stop(self, limit: str, allowed: int, path: str) -> None:
        """Reading cannot go on: always raises LimitReachedError."""
        raise LimitReachedError(beyond(limit, allowed), path)

    def end_all(self, reached: LimitReachedError) -> None:
        """Close the book after a limit: what came before is kept."""
        self._events.append(DefectFound(at(reached.part, reached.flaw)))
        while self._open:
            innermost = self._open.pop()
            self._events.append(
                PartEnded(
                    innermost.part, innermost.size, None, Refusal.LIMIT_REACHED, innermost.part
                )
            )
