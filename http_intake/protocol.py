"""HTTP/1.1 on one connection: uvicorn's h11 protocol with its gaps closed.

uvicorn waits for ever for the first request of a connection, for the rest of a request head that
has begun, and for a client that does not read its answers; and it refuses bytes that are no HTTP in
plain text.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, override

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from http_intake import problem_types, problems
from http_intake.connections import IS_OVER
from shared.codec import to_json

if TYPE_CHECKING:
    import asyncio

    from uvicorn.server import ServerState

    from shared.connection_limit import ConnectionLimit

logger = logging.getLogger(__name__)

_UNREAD_S = 60.0  # how long a client may leave its answers unread
# Each chunk costs h11 some 40 µs, and all those of one read are looked at without a pause: a
# megabyte in chunks of one byte would hold up everybody for seconds.
_FREE_CHUNKS = 2000
_BYTES_PER_CHUNK = 32  # on the average, from then on; less than the lines of a text


class IntakeConfig(uvicorn.Config):
    """uvicorn's configuration, and the one limit for all connections."""

    def __init__(
        self, *args: Any, connections: ConnectionLimit[IntakeProtocol], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.connection_limit = connections


class _CountingConnection(h11.Connection):
    """h11's state of a connection; a body in ever so many tiny chunks is no HTTP to it."""

    _chunks = _size = 0

    @override
    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._size = 0
        elif isinstance(event, h11.Data):
            self._chunks += 1
            self._size += len(event.data)
            if self._chunks > _FREE_CHUNKS + self._size // _BYTES_PER_CHUNK:
                raise h11.RemoteProtocolError("The chunks are too small.")
        return event


class IntakeProtocol(H11Protocol):
    """Closes a connection that does not bring a whole request head within the keep-alive time, that
    does not read, or whose place others need.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None

    def __init__(
        self,
        config: IntakeConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state | {IS_OVER: self._is_over}, _loop)
        self._limit = config.connection_limit
        self.conn = _CountingConnection(h11.SERVER, config.h11_max_incomplete_event_size or 0)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way: see `ConnectionLimit`."""
        return not self.cycle or self.cycle.response_complete

    def displace(self) -> None:
        """Close it, because others need its place."""
        self.transport.close()

    def _is_over(self) -> bool:
        return self._limit.is_over(self)

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        if self._limit.admit(self, self.client[0] if self.client else ""):
            self._expect_head()
        else:
            transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._limit.remove(self)
        self._forget_head()
        self.resume_writing()
        super().connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(_UNREAD_S, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    @override
    def on_response_complete(self) -> None:
        self._limit.touch(self)
        super().on_response_complete()

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
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:  # an answer has begun
            self.transport.close()
            return
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
    "detail": "The bytes are no HTTP/1.1 request, or its head is too large, or its chunks are too"
    " small. Let a library write them.",
}
