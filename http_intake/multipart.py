"""The body of a form as a stream of parts, each read while it comes in.

A part's content goes to whoever iterates over it; nothing is kept. Not here: the syntax
(`form_parser`), and what parts mean (`submissions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from python_multipart.multipart import parse_options_header

from http_intake import json_body
from http_intake.echo import shortened
from http_intake.form_parser import FormParser, PartHead, malformed
from http_intake.problem_types import UNSUPPORTED_MEDIA_TYPE
from http_intake.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.datastructures import Headers

    from http_intake.form_parser import Event

MEDIA_TYPE = "multipart/form-data"


class Part:
    """A part of the body. Iterate over it once, before the next part is asked for."""

    def __init__(self, head: PartHead, events: AsyncIterator[Event]) -> None:
        self.head = head
        self._events = events
        self._ended = False

    @property
    def is_file(self) -> bool:
        """Whether it is a file, with or without a name, and no field (RFC 7578 section 4.2)."""
        return self.head.file_name is not None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._ended:
            event = await anext(self._events)
            if isinstance(event, bytes):
                return event
            self._ended = True
        raise StopAsyncIteration


def require_boundary(headers: Headers) -> bytes:
    """The boundary of the body; raises ProblemError when it is no multipart/form-data."""
    declared, parameters = parse_options_header(headers.get("content-type"))
    if declared != MEDIA_TYPE.encode():
        found = shortened(declared.decode("latin-1")) or "of no media type"
        raise ProblemError(
            UNSUPPORTED_MEDIA_TYPE,
            f"The body is {found}. Send the files as {MEDIA_TYPE}.",
            headers={"Accept-Post": f"{MEDIA_TYPE}, {json_body.MEDIA_TYPE}"},
        )
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        raise malformed("its Content-Type names no boundary")
    return boundary


async def read_parts(
    chunks: AsyncIterator[bytes], boundary: bytes, *, max_parts: int
) -> AsyncIterator[Part]:
    """The parts of a body, in order. What a caller leaves of a part is skipped."""
    events = _events(chunks, FormParser(boundary, max_parts=max_parts))
    async for event in events:
        if isinstance(event, PartHead):
            part = Part(event, events)
            yield part
            async for _ in part:
                pass


async def _events(chunks: AsyncIterator[bytes], parser: FormParser) -> AsyncIterator[Event]:
    async for chunk in chunks:
        events = parser.feed(chunk)
        while events:
            yield events.popleft()
    parser.close()
