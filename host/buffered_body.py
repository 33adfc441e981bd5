"""A body that a host hands over whole, given to the application in pieces.

Whoever reads a body gives the event loop back between two pieces; one piece of 100 MB would hold
up everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PIECE = 256 * 1024


def in_pieces(app: ASGIApp) -> ASGIApp:
    """The application, with bodies cut up."""

    async def cut(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, _Pieces(receive).receive, send)

    return cut


class _Pieces:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._rest = memoryview(b"")
        self._more = True

    async def receive(self) -> Message:
        if not self._rest:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._rest = memoryview(message.get("body", b""))
            self._more = message.get("more_body", False)
        piece, self._rest = self._rest[:_PIECE], self._rest[_PIECE:]
        more = self._more or bool(self._rest)
        return {"type": "http.request", "body": bytes(piece), "more_body": more}
