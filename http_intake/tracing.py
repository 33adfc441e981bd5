"""A request that hands something in is the first span of a trace, or goes on with its client's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from shared.telemetry import SPANS
from shared.tracing import TRACEPARENT

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from shared.ports import Telemetry


class RequestSpans:
    """ASGI middleware; questions (GET) are not traced. Attributes are OpenTelemetry's for HTTP."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        name = f"{scope['method']} {scope['path']}" if scope["type"] == "http" else ""
        if name not in SPANS:
            await self._app(scope, receive, send)
            return
        facts = {"http.request.method": scope["method"], "url.path": scope["path"]}
        parent = Headers(scope=scope).get(TRACEPARENT, "")
        with self._telemetry.span(name, parent=parent, **facts) as span:

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set(**{"http.response.status_code": message["status"]})
                await send(message)

            await self._app(scope, receive, send_and_note)
