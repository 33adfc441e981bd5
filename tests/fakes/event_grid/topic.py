"""The topic: takes what is published, and lets it be delivered to every subscription."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from http_intake.serving import ServerSettings, serving
from tests.fakes.event_grid.deliveries import Deliveries, Subscription
from tests.fakes.event_grid.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

KEY = "topic-key"
_MOST_BYTES = 1024 * 1024
_REQUIRED = ("id", "source", "type")


class Topic:
    """One topic. `status` answers publishers with a fault instead."""

    def __init__(self, schedule: Schedule) -> None:
        self.url = ""
        self.status = 200
        self.published: list[dict[str, Any]] = []
        self.deliveries = Deliveries(schedule)
        self._subscriptions: list[Subscription] = []

    async def subscribe(self, subscription: Subscription, *, code: str = "") -> None:
        """Make a subscription, by the classic handshake when there is a code. Raises
        HandshakeError.
        """
        if code:
            await self.deliveries.exchange_code(subscription, code)
        else:
            await self.deliveries.shake_hands(subscription)
        self._subscriptions.append(subscription)

    def app(self) -> Starlette:
        """What publishers reach."""
        paths = ("/api/events", "/topics/{name}:publish")
        return Starlette(routes=[Route(path, self._publish, methods=["POST"]) for path in paths])

    async def _publish(self, request: Request) -> Response:
        if self.status != 200:
            return JSONResponse({"error": {"code": "Told"}}, self.status)
        if not _is_authorized(request):
            return JSONResponse({"error": {"code": "Unauthorized"}}, 401)
        body = await request.body()
        if len(body) > _MOST_BYTES:
            return JSONResponse({"error": {"code": "PayloadTooLarge"}}, 413)
        events = _events(body, request.headers.get("content-type", ""))
        if any(not event.get(name) for event in events for name in _REQUIRED):
            return JSONResponse({"error": {"code": "BadRequest"}}, 400)
        self.published += events
        for subscription in self._subscriptions:
            self.deliveries.start(subscription, events)
        return JSONResponse({})


def _events(body: bytes, content_type: str) -> list[dict[str, Any]]:
    """One event in structured mode, or a batch of them."""
    content = json.loads(body)
    is_single = content_type.startswith("application/cloudevents+json")
    return cast("list[dict[str, Any]]", [content] if is_single else content)


def _is_authorized(request: Request) -> bool:
    bearer = request.headers.get("authorization", "")
    key = request.headers.get("aeg-sas-key") or bearer.removeprefix("SharedAccessKey ")
    return key == KEY or bearer.startswith("Bearer ")


@asynccontextmanager
async def topic(schedule: Schedule | None = None) -> AsyncGenerator[Topic]:
    """A topic that runs for as long as the block lasts."""
    running = Topic(schedule or Schedule())
    async with serving(running.app(), ServerSettings(port=0), has_keys=True) as address:
        running.url = address.url
        try:
            yield running
        finally:
            await running.deliveries.close()
