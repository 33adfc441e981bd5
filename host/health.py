"""Health of a program that has no door: what Kubernetes asks the durable worker."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from http_intake.doors import Readiness
from shared.codec import to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

STOPPING = Readiness(ready=False, reasons=("It is being stopped.",))


class Health:
    """Ready as the parts are, until `stopping` is set."""

    def __init__(self, readiness: Callable[[], Awaitable[Readiness]]) -> None:
        self._readiness = readiness
        self.stopping = False

    async def readiness(self) -> Readiness:
        """Whether work should be sent here."""
        return STOPPING if self.stopping else await self._readiness()

    def app(self) -> Starlette:
        """GET /health/live and /health/ready, as at the HTTP door."""
        return Starlette(
            routes=[Route("/health/live", self._live), Route("/health/ready", self._ready)]
        )

    async def _live(self, _request: Request) -> Response:
        return Response(to_json({"status": "live"}), media_type="application/json")

    async def _ready(self, _request: Request) -> Response:
        readiness = await self.readiness()
        code = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return Response(to_json(readiness), code, media_type="application/json")
