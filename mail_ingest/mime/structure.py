"""The containers that are open, one inside the other, and the parts that open and close in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mail_ingest.mime import charsets, kinds, part_header, transfer
from mail_ingest.mime.bodies import body_of
from mail_ingest.mime.boundaries import Boundaries
from mail_ingest.mime.defects import Flaw
from mail_ingest.mime.events import Container, Part
from mail_ingest.mime.paths import child_path, sole_path

if TYPE_CHECKING:
    from mail_ingest.mime.bodies import Body
    from mail_ingest.mime.boundaries import Delimiter
    from mail_ingest.mime.header_block import HeaderBlock
    from mail_ingest.mime.insides import Nest
    from mail_ingest.mime.journal import Journal, OpenPart
    from mail_ingest.mime.part_header import PartHeader

NO_BOUNDARY = Flaw(
    clause="RFC 2046 5.1.1", sentence="The multipart names no boundary, so it cannot be split."
)
NEVER_CLOSED = Flaw(
    clause="RFC 2046 5.1.1",
    sentence="The multipart has no closing delimiter; the message may be cut off.",
)


type Descent = Literal[Container.MULTIPART, Container.MESSAGE]


class _Frame:
    """A container that is open. `level` is that of its boundary; a message has none."""

    __slots__ = ("level", "part")

    def __init__(self, part: OpenPart, level: int | None) -> None:
        self.part = part
        self.level = level


class Structure:
    """Where in the tree of one entity the reading stands. `holder` is the part it was found in."""

    def __init__(self, journal: Journal, holder: OpenPart | None, nest: Nest) -> None:
        self.boundaries = Boundaries()
        self._journal = journal
        self._holder = holder
        self._nest = nest
        self._frames: list[_Frame] = []

    @property
    def path(self) -> str:
        """The path of the innermost container."""
        outer = self._outer
        return "" if outer is None else outer.part.path

    def open(self, block: HeaderBlock, start: int | None, body: int | None) -> Body | Descent:
        """A header block is complete: open its part, which starts and has its body at these
        offsets.

        Gives what reads the body of a leaf, or the kind of container whose parts come next.
        """
        raw = block.join()
        part = self._part(part_header.read(raw, self._default_type()), raw, start, body)
        opened = self._journal.start(part)
        for flaw in block.flaws:
            self._journal.note(part.path, flaw)
        if part.container is None and part.media_type.startswith("multipart/"):
            self._journal.note(part.path, NO_BOUNDARY)
        self._check(block, part)
        if part.container is Container.MULTIPART:
            self._push(opened, self._boundary(part))
            return Container.MULTIPART
        if part.container is Container.MESSAGE and part.transfer_encoding in transfer.IDENTITY:
            self._push(opened, None)
            return Container.MESSAGE
        return body_of(opened, self._journal, self._nest)

    def delimit(self, delimiter: Delimiter, end: int | None) -> None:
        """A delimiter line came: close what is inside of its multipart, and maybe the multipart."""
        while self._frames[-1].level != delimiter.level:
            self._pop(end)
        if delimiter.closes:
            self._pop(end)
            self.boundaries.cut(delimiter.level)
        else:
            self.boundaries.cut(delimiter.level + 1)
            self._frames[-1].part.children += 1

    def close(self, end: int | None) -> None:
        """The entity is over: close every container."""
        while self._frames:
            if self._frames[-1].level is not None:
                self._journal.note(self.path, NEVER_CLOSED)
            self._pop(end)

    @property
    def _outer(self) -> OpenPart | None:
        return self._frames[-1].part if self._frames else self._holder

    def _push(self, part: OpenPart, boundary: bytes | None) -> None:
        level = None
        if boundary is not None:
            level = len(self.boundaries)
            self.boundaries.push(boundary)
        self._frames.append(_Frame(part, level))

    def _pop(self, end: int | None) -> None:
        self._journal.end(self._frames.pop().part, end)

    def _default_type(self) -> str:
        outer = self._outer
        if outer is not None and outer.part.media_type == "multipart/digest":  # RFC 2046 5.1.5
            return "message/rfc822"
        return "text/plain"  # RFC 2045 5.2

    def _part(self, header: PartHeader, block: bytes, start: int | None, body: int | None) -> Part:
        outer = self._outer
        container = kinds.container_of(header.media_type, header.file_name)
        if container is Container.MULTIPART and not header.parameters.get("boundary", "").strip():
            container = None
        if outer is not None and outer.part.container is Container.MULTIPART:
            path = child_path(outer.part.path, outer.children)
        else:
            path = sole_path(self.path, multipart=container is Container.MULTIPART)
        return Part(
            path=path,
            parent=None if outer is None else outer.part,
            header=block,
            media_type=header.media_type,
            parameters=header.parameters,
            disposition=header.disposition,
            file_name=header.file_name,
            content_id=header.content_id,
            transfer_encoding=header.transfer_encoding,
            container=container,
            refusal=kinds.refusal_of(header, None if outer is None else outer.part),
            start=start,
            body=body,
        )

    def _check(self, block: HeaderBlock, part: Part) -> None:
        limits = self._journal.limits
        self._journal.header(block.size, part.path)
        if block.size > limits.header_bytes:
            self._journal.stop("header_bytes", limits.header_bytes, part.path)
        if block.line_count > limits.header_lines:
            self._journal.stop("header_lines", limits.header_lines, part.path)

    def _boundary(self, part: Part) -> bytes:
        boundary = charsets.to_bytes(part.parameters["boundary"]).strip()
        allowed = self._journal.limits.boundary_bytes
        if len(boundary) > allowed:
            self._journal.stop("boundary_bytes", allowed, part.path)
        return boundary
