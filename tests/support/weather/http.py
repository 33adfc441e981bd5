"""A proxy before an HTTP server, and the weather that it makes.

- DOWN: connections are refused, and those that exist are cut.
- SLOW: the server does what it is asked, and its answer waits `late_s`.
- THROTTLING: 429, or what else the service says, with Retry-After; the server hears nothing.
- WRONG: in turn, a page of HTML with status 500, of which the server hears nothing; and one with
  status 200 or 201 instead of the server's answer, after it has done what it was asked. Where the
  server says no the page has status 500: a yes instead of a no would deceive any client.
- CUT: the server has done what it was asked, and the connection is cut before its answer, or in
  turn in the middle of its body.

Bodies pass as they come, in both directions; none is ever held.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from aiohttp import web
from yarl import URL

from tests.support.weather.door import Door
from tests.support.weather.kinds import Weather
from tests.support.weather.relay import (
    LONGEST_LINE,
    LostError,
    add_nothing,
    asked,
    begun,
    expect_of_server,
    upstream_session,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    from aiohttp import ClientResponse, ClientSession

    from tests.support.certificates import Certificate

_PAGE = "<html>Welcome!</html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """How a service says that it is asked too much."""

    status: int = 429
    code: str = "TooManyRequests"
    retry_after_s: int = 1

    def answer(self) -> web.Response:
        error = {"error": {"code": self.code, "message": "Not so fast."}}
        headers = {"Retry-After": str(self.retry_after_s)}
        return web.json_response(error, status=self.status, headers=headers)


# The SDK tries again after this one, but never after 429.
STORAGE_THROTTLED = Throttled(status=503, code="ServerBusy")


class HttpWeather:
    """A running proxy. `requests` counts all that came, `struck` those that the weather spoiled;
    nobody can count who was refused while the server was down.
    """

    def __init__(self, target: str, session: ClientSession, throttled: Throttled) -> None:
        self.late_s = 5.0
        self.requests = 0
        self.struck = 0
        self.url = ""
        self.port = 0
        self._target = URL(target)
        self._session = session
        self._throttled = throttled
        self._weather = Weather.WELL
        self._door: Door | None = None
        self._under_way = 0
        self._lies = cycle((False, True))
        self._halves = cycle((False, True))

    @property
    def weather(self) -> Weather:
        """The weather now; it is in force as soon as it is set."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._weather = weather
        if self._door is None:
            return
        if weather is Weather.DOWN:
            self.struck += self._under_way
            self._door.shut()
        else:
            self._door.open()

    def open(self, door: Door, *, https: bool) -> None:
        """Let clients in by a door."""
        self._door = door
        self.port = door.port
        base = "https://localhost" if https else "http://127.0.0.1"
        self.url = f"{base}:{door.port}{self._target.raw_path.rstrip('/')}"
        door.open()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer as the weather is."""
        self.requests += 1
        self._under_way += 1
        try:
            return await self._answer(request)
        except LostError:
            return _cut(request)
        finally:
            self._under_way -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        weather = self._weather
        self.struck += weather is not Weather.WELL
        if weather is Weather.THROTTLING:
            return await _instead(request, self._throttled.answer())
        if weather is Weather.WRONG and not next(self._lies):
            return await _instead(request, _page(500))
        async with asked(self._session, self._target, request) as answer:
            match weather:
                case Weather.WRONG:
                    return await _wrongly(answer)
                case Weather.CUT:
                    return await self._halfway(request, answer)
                case Weather.SLOW:
                    await asyncio.sleep(self.late_s)
                case _:
                    pass
            return await _passed_back(request, answer)

    async def _halfway(self, request: web.Request, answer: ClientResponse) -> web.StreamResponse:
        """Send half of the body, or nothing at all, and cut when the server is done."""
        chunk = await answer.content.readany()
        if chunk and next(self._halves):
            left = (answer.content_length or 2) // 2
            response = await begun(request, answer)
            while chunk and left:
                await response.write(chunk[:left])
                left -= len(chunk[:left])
                chunk = await answer.content.readany()
        while chunk:
            chunk = await answer.content.readany()
        return _cut(request)


@asynccontextmanager
async def http_weather(
    target: str,
    *,
    certificate: Certificate | None = None,
    target_ssl: ssl.SSLContext | None = None,
    throttled: Throttled | None = None,
) -> AsyncGenerator[HttpWeather]:
    """A proxy before the server at a URL; with a certificate of its own it speaks HTTPS. A path of
    the target belongs to `url` too: put `url` where the target was.
    """
    async with upstream_session(target_ssl) as session:
        weather = HttpWeather(target, session, throttled or Throttled())
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", weather.serve, expect_handler=expect_of_server)
        app.on_response_prepare.append(add_nothing)
        runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            handler_cancellation=True,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            shutdown_timeout=0.1,
        )
        await runner.setup()
        assert runner.server is not None
        door = Door(runner.server, certificate.server_context() if certificate else None)
        weather.open(door, https=certificate is not None)
        try:
            yield weather
        finally:
            await door.close()
            await runner.cleanup()


async def _passed_back(request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    response = await begun(request, answer)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


async def _wrongly(answer: ClientResponse) -> web.Response:
    async for _ in answer.content.iter_any():
        pass
    if not 200 <= answer.status < 300:
        return _page(500)
    return _page(201 if answer.status == 201 else 200)


async def _instead(request: web.Request, answer: web.Response) -> web.Response:
    """Hear the client out, so that it hears us; but not one that waits for 100 Continue."""
    if "Expect" in request.headers:
        answer.force_close()
        return answer
    async for _ in request.content.iter_any():
        pass
    return answer


def _page(status: int) -> web.Response:
    return web.Response(status=status, text=_PAGE, content_type="text/html")


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
