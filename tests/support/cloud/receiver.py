"""Somebody who receives webhooks, and writes each one down before the answer."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook that came: `path` is what its submission asked for, `headers` are
    by their small names."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        """The same for each attempt of one answer."""
        return self.headers["webhook-id"]


@dataclass(slots=True)
class Receiver:
    """Where webhooks are received."""

    url: str = ""
    hooks: list[Hook] = field(default_factory=list[Hook])

    async def receive(self, request: web.Request) -> web.Response:
        """POST anything."""
        hook = Hook(
            path=request.path,
            headers={name.lower(): text for name, text in request.headers.items()},
            body=await request.read(),
        )
        self.hooks.append(hook)
        return web.Response(status=204)


@asynccontextmanager
async def webhook_receiver() -> AsyncGenerator[Receiver]:
    """Run it on a free port."""
    receiver = Receiver()
    app = web.Application()
    app.add_routes([web.post("/{path:.*}", receiver.receive)])
    async with web_server(app) as receiver.url:
        yield receiver
