"""The body of a request of somebody else's service, if it is no larger than it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request


async def bounded_body(request: Request, most_bytes: int) -> bytes | None:
    """The body, or None when it is larger than `most_bytes`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            return None
    return bytes(body)
