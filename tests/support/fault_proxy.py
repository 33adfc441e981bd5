"""An HTTP proxy before a real service that, when a test says so, spoils what passes.

A fault is used up by one request; without one, requests and answers pass as they are. It holds a
whole body in memory, and speaks plain HTTP only.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from io import BytesIO
from typing import TYPE_CHECKING

from aiohttp import ClientSession, web
from yarl import URL

from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

_OF_ONE_HOP = frozenset({"Transfer-Encoding", "Connection", "Keep-Alive", "Content-Length"})


class Cut(Enum):
    """Where the connection is cut."""

    BEFORE = "before"  # the service never hears of the request
    AFTER = "after"  # the service has done it, but its answer is lost


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the proxy's own."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class Spoil(Enum):
    """One bit of a body is turned over on its way."""

    REQUEST = "request"


type Fault = Cut | Answer | Spoil


@dataclass(slots=True)
class FaultProxy:
    """`faults` are what happens to the next requests, None to nothing; `always` to every one after
    them. Each is held for `pause_s`. `unchecked` are those that came without the MD5 of their body.
    """

    target: str
    session: ClientSession
    port: int = 0
    faults: list[Fault | None] = field(default_factory=list["Fault | None"])
    always: Fault | None = None
    requests: int = 0
    pause_s: float = 0.0
    at_once: int = 0
    most_at_once: int = 0
    unchecked: list[str] = field(default_factory=list[str])

    async def pass_on(self, request: web.Request) -> web.Response:
        self.requests += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._pass_on(request)
        finally:
            self.at_once -= 1

    async def _pass_on(self, request: web.Request) -> web.Response:
        fault = self.faults.pop(0) if self.faults else self.always
        body = await request.read()
        await asyncio.sleep(self.pause_s)
        if body and request.headers.get("Content-MD5") != _md5(body):
            self.unchecked.append(request.query_string)
        if isinstance(fault, Answer):
            return web.Response(status=fault.status, headers=fault.headers, body=fault.body)
        if fault is Cut.BEFORE:
            return _cut(request)
        if fault is Spoil.REQUEST:
            body = bytes([body[0] ^ 1]) + body[1:]
        answer = await self._ask(request, body)
        return _cut(request) if fault is Cut.AFTER else answer

    async def _ask(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        url = URL(self.target + request.raw_path, encoded=True)
        async with self.session.request(
            request.method, url, headers=headers, data=BytesIO(body) if body else None
        ) as answer:
            kept = {name: text for name, text in answer.headers.items() if name not in _OF_ONE_HOP}
            content = BytesIO(await answer.read())
            return web.Response(status=answer.status, headers=kept, body=content)


def _md5(body: bytes) -> str:
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


@asynccontextmanager
async def fault_proxy(target: str) -> AsyncGenerator[FaultProxy]:
    """Serve on a port of 127.0.0.1, in front of the base URL `target`."""
    async with ClientSession(skip_auto_headers=["Content-Type", "Accept"]) as session:
        proxy = FaultProxy(target, session)
        app = web.Application(client_max_size=0)  # any size
        app.router.add_route("*", "/{path:.*}", proxy.pass_on)
        async with web_server(app) as url:
            proxy.port = URL(url).port or 0
            yield proxy
