"""Where a container posts its event: it is published, as Event Grid would deliver it to us."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from shared.codec import from_json
from shared.model import CloudEvent
from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.ports import EventPublisher


@dataclass(slots=True)
class EventDoor:
    """A running door. `key` must come in aeg-sas-key. While `closed`, it answers 503; while `mute`,
    it takes an event and answers 503 all the same.
    """

    publisher: EventPublisher
    key: str = "a-key"
    url: str = ""
    closed: bool = False
    mute: bool = False
    events: list[CloudEvent] = field(default_factory=list[CloudEvent])

    async def take(self, request: web.Request) -> web.Response:
        if self.closed or request.headers.get("aeg-sas-key") != self.key:
            return web.Response(status=503 if self.closed else 401)
        event = from_json(await request.read(), CloudEvent, where="an event")
        self.events.append(event)
        await self.publisher.publish(event)
        return web.Response(status=503 if self.mute else 200)


@asynccontextmanager
async def event_door(publisher: EventPublisher) -> AsyncGenerator[EventDoor]:
    """Open a door on a free port."""
    door = EventDoor(publisher)
    app = web.Application()
    app.add_routes([web.post("/api/events", door.take)])
    async with web_server(app) as url:
        door.url = f"{url}/api/events"
        yield door
