"""The server, its weather and its answers.

DOWN is a 503 here, WRONG an answer that is no JSON, and CUT a connection that ends before anything
is done.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, web

from tests.support.weather.kinds import Weather
from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_LARGEST = 64 * 1024 * 1024
_LABELS = ("fire", "flood", "football", "crowd", "bridge", "dog", "concert", "snow")


@dataclass(slots=True, kw_only=True)
class FakeThirdParty:
    """A running service. `described` are the SHA-256 of what it answered well, in order."""

    key: str = "third-party-key"
    weather: Weather = Weather.WELL
    late_s: float = 5.0
    retry_after_s: int = 1
    url: str = ""
    requests: int = 0
    described: list[str] = field(default_factory=list[str])

    def environment(self) -> dict[str, str]:
        """What a describer must see to ask this service."""
        return {
            "MAIL_INGEST_DESCRIBER": "third_party",
            "MAIL_INGEST_THIRD_PARTY_URL": self.url,
            "MAIL_INGEST_THIRD_PARTY_KEY": self.key,
            "MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP": "1",
        }

    async def describe(self, request: web.Request) -> web.StreamResponse:
        """POST /describe."""
        self.requests += 1
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return _error(401, "Who are you?")
        media = await _media(request)
        if (trouble := await self._trouble(request)) is not None:
            return trouble
        if not media:
            return _error(422, "There is nothing in it.")
        self.described.append(hashlib.sha256(media).hexdigest())
        return web.json_response(answer_to(media))

    async def _trouble(self, request: web.Request) -> web.StreamResponse | None:
        match self.weather:
            case Weather.WELL:
                return None
            case Weather.SLOW:
                await asyncio.sleep(self.late_s)
                return None
            case Weather.DOWN:
                return _error(503, "We are down.")
            case Weather.THROTTLING:
                return _error(429, "Not so fast.", {"Retry-After": str(self.retry_after_s)})
            case Weather.WRONG:
                return web.Response(text="<html>Welcome!</html>", content_type="text/html")
            case Weather.CUT:
                if request.transport is not None:
                    request.transport.close()
                return web.Response()


def answer_to(media: bytes) -> dict[str, Any]:
    """What the service says of these bytes."""
    digest = hashlib.sha256(media).digest()
    label = _LABELS[digest[0] % len(_LABELS)]
    return {
        "model": {"id": "fake-vision", "version": "1"},
        "language": "en",
        "caption": {"text": f"A picture of a {label}.", "confidence": 0.9},
        "labels": [{"name": label, "confidence": 0.9}],
        "objects": [{"name": "person", "confidence": 0.8, "box": [0.1, 0.1, 0.5, 0.5]}],
        "faces": [{}] * (digest[1] % 3),
        "safety": {"adult": 0.01},
    }


@asynccontextmanager
async def fake_third_party() -> AsyncGenerator[FakeThirdParty]:
    """Run the service on a free port."""
    service = FakeThirdParty()
    app = web.Application(client_max_size=_LARGEST)
    app.add_routes([web.post("/describe", service.describe)])
    async with web_server(app) as url:
        service.url = f"{url}/describe"
        yield service


async def _media(request: web.Request) -> bytes:
    """The media themselves, fetched where the request names a URL."""
    if request.content_type != "application/json":
        return await request.read()
    url: str = (await request.json())["url"]
    async with ClientSession() as session, session.get(url) as response:
        response.raise_for_status()
        return await response.read()


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status, headers=headers)
