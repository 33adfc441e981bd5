"""HTTP/1.1 on one connection: uvicorn's h11 protocol with two gaps closed.

uvicorn waits for ever for the first request of a connection, and for the rest of a request head
that has begun; and it refuses bytes that are no HTTP in plain text.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, override

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from http_intake import problem_types, problems
from shared.codec import to_json

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger(__name__)


class IntakeProtocol(H11Protocol):
    """Closes a connection that does not bring a whole request head within the keep-alive time."""

    _head_timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._expect_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    @override
    def handle_events(self) -> None:
        super().handle_events()
        cycle = self.cycle
        if cycle and not cycle.response_complete:
            self._forget_head()
        elif self._head_timer is None:
            self._expect_head()

    @override
    def send_400_response(self, msg: str) -> None:
        facts = {"problem": problem_types.INVALID_REQUEST.name, "status": 400}
        logger.info("request refused", extra={"action": "request_refused", **facts})
        body = to_json(_NOT_HTTP)
        headers = [("content-type", problems.MEDIA_TYPE), ("connection", "close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.close()


_NOT_HTTP = {
    "type": problem_types.INVALID_REQUEST.uri,
    "title": problem_types.INVALID_REQUEST.title,
    "status": 400,
    "detail": "The bytes are no HTTP/1.1 request, or its head is too large. Let a library write"
    " them.",
}
