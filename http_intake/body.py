"""Request bodies under control: no larger than a limit, no slower than one, and read to an end.

Not here: what a body means.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from http_intake import problems
from http_intake.problem_types import EMPTY_BODY, INVALID_REQUEST, TOO_LARGE, TOO_SLOW
from http_intake.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

LINGER_S = 5.0  # after an early answer: how long we go on reading,
LINGER_SILENCE_S = 1.0  # and the longest silence meanwhile


async def limited(request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
    """The body in chunks; raises ProblemError when it is empty or larger than the limit.

    A Content-Length over the limit is refused before anything is read. Raises ClientDisconnect when
    the client hangs up.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise _too_large(limit_bytes)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        if chunk:
            yield chunk
    if size == 0:
        raise ProblemError(EMPTY_BODY, "The body is empty. Send the content in the body.")


def _too_large(limit_bytes: int) -> ProblemError:
    return ProblemError(
        TOO_LARGE,
        f"The body is larger than the limit of {limit_bytes:,} bytes. Send less at a time.",
        limit_bytes=limit_bytes,
    )


class BodyGuard:
    """ASGI middleware: a body that stalls or trickles ends in 408, and an answer that comes before
    the body's end reaches its client.

    Closing a connection while the peer still sends makes TCP reset it, and the peer loses the
    answer (RFC 9112 section 9.6); so after an early answer we read on for a moment, then close.
    """

    def __init__(self, app: ASGIApp, *, read_timeout_s: float, min_bytes_per_s: int) -> None:
        self._app = app
        self._read_timeout_s = read_timeout_s
        self._min_bytes_per_s = min_bytes_per_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _announces_body(scope):
            await self._app(scope, receive, send)
            return
        body = _GuardedBody(receive, send, self._read_timeout_s, self._min_bytes_per_s)
        app = _refuse_framing if _is_framed_twice(scope) else self._app
        await app(scope, body.receive, body.send)


def _announces_body(scope: Scope) -> bool:
    """RFC 9112 section 6: a request has a body if it has one of these header fields."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def _is_framed_twice(scope: Scope) -> bool:
    """Whether servers may disagree about where the body ends, as request smuggling wants it (RFC
    9112 section 6.1): two lengths, or chunks in a version that knows none.
    """
    names = {name for name, _ in scope["headers"]}
    if b"transfer-encoding" not in names:
        return False
    return b"content-length" in names or scope["http_version"] == "1.0"


async def _refuse_framing(scope: Scope, receive: Receive, send: Send) -> None:
    kind = _FRAMED_TWICE.kind
    facts = {"problem": kind.name, "status": kind.status.value}
    logger.info("request refused", extra={"action": "request_refused", **facts})
    await problems.response(_FRAMED_TWICE, scope["path"])(scope, receive, send)


_FRAMED_TWICE = problems.Problem(
    kind=INVALID_REQUEST,
    detail="The request has Transfer-Encoding together with Content-Length or HTTP/1.0 (RFC 9112"
    " section 6.1). Let a library write it.",
)


class _GuardedBody:
    def __init__(
        self, receive: Receive, send: Send, read_timeout_s: float, min_bytes_per_s: int
    ) -> None:
        self._receive = receive
        self._send = send
        self._read_timeout_s = read_timeout_s
        self._min_bytes_per_s = min_bytes_per_s
        self._clock = asyncio.get_running_loop().time
        self._waited_s = 0.0  # for the client; our own work is not its fault
        self._size = 0
        self._ended = False
        self._lingering = False
        self._linger_s = LINGER_S

    async def receive(self) -> Message:
        if self._ended:
            return await self._receive()
        begun = self._clock()
        try:
            async with asyncio.timeout(self._patience_s()):
                return await self._next()
        except TimeoutError as exc:
            self._linger_s = 0.0  # it has had its time
            raise ProblemError(
                TOO_SLOW,
                f"The body paused for more than {self._read_timeout_s:g} s or came with less than"
                f" {self._min_bytes_per_s:,} bytes a second. Send it again over a better"
                " connection.",
            ) from exc
        finally:
            self._waited_s += self._clock() - begun

    def _patience_s(self) -> float:
        """How long the next chunk may take: the silence allowed, but no more than the rate does."""
        allowed_s = self._read_timeout_s + self._size / self._min_bytes_per_s
        return max(0.0, min(self._read_timeout_s, allowed_s - self._waited_s))

    async def _next(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)  # a disconnect ends it too
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._ended:
            self._lingering = True
            headers = [*message.get("headers", []), (b"connection", b"close")]
            message = {**message, "headers": headers}
        if not self._lingering or message["type"] != "http.response.body":
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        if not message.get("more_body", False):
            await self._linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(self._linger_s):
                while not self._ended:
                    async with asyncio.timeout(LINGER_SILENCE_S):
                        await self._next()
        except TimeoutError:
            return
