"""The front end: HTTP on a socket, each request a run of the function whose route it matches.

Bodies are buffered, as the real host does; a timer is fired by POST /admin/functions/NAME.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from http_intake.serving import ServerSettings, serving
from shared.codec import from_json
from shared.model import CloudEvent
from tests.fakes.functions_host.protos import Message, TypedData
from tests.fakes.functions_host.triggers import deliver_event, fire_timer
from tests.fakes.functions_host.worker import FunctionFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

    from tests.fakes.functions_host.worker import Function, Worker


@asynccontextmanager
async def front_end(worker: Worker, port: int) -> AsyncGenerator[str]:
    """Serve the HTTP functions for as long as the block lasts; the base URL."""
    front = FrontEnd(worker)
    app = Starlette(
        routes=[
            Route("/admin/host/ping", front.ping),
            Route("/admin/functions/{name}", front.fire, methods=["POST"]),
            Route("/runtime/webhooks/eventgrid", front.agree, methods=["OPTIONS"]),
            Route("/runtime/webhooks/eventgrid", front.deliver, methods=["POST"]),
            Route("/{path:path}", front.answer, methods=list(_METHODS)),
        ]
    )
    async with serving(app, ServerSettings(port=port), has_keys=True) as address:
        yield address.url


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY")


class FrontEnd:
    """Routes requests to functions. The route prefix is empty."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._routes = [
            (_pattern(route), function)
            for route, function in worker.of_type("httpTrigger", "route").items()
        ]

    async def ping(self, _request: Request) -> Response:
        """Say that we are there, and how often functions have run."""
        return Response(str(self._worker.runs))

    async def fire(self, request: Request) -> Response:
        """Run a timer's function by hand."""
        try:
            await fire_timer(self._worker, request.path_params["name"])
        except FunctionFailedError as error:
            return Response(str(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        return Response(status_code=HTTPStatus.ACCEPTED)

    async def agree(self, _request: Request) -> Response:
        """The handshake of Event Grid, which the extension does for every function."""
        return Response(headers={"WebHook-Allowed-Origin": "*"})

    async def deliver(self, request: Request) -> Response:
        """A delivery of Event Grid: one CloudEvent."""
        event = from_json(await request.body(), CloudEvent, where="the delivery")
        taken = await deliver_event(self._worker, event)
        return Response(status_code=HTTPStatus.OK if taken else HTTPStatus.INTERNAL_SERVER_ERROR)

    async def answer(self, request: Request) -> Response:
        """Run the function that a request is for."""
        found = self._find(request)
        if found is None:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        function, params = found
        http = Message(
            method=request.method,
            url=str(request.url),
            headers=dict(request.headers),
            body=TypedData(bytes=await request.body()),
            params=params,
            query=dict(parse_qsl(request.url.query, keep_blank_values=True)),
        )
        try:
            returned = await self._worker.invoke(function, TypedData(http=http))
        except FunctionFailedError as error:
            return Response(str(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        answer = returned.http
        return Response(answer.body.bytes, int(answer.status_code), headers=answer.headers)

    def _find(self, request: Request) -> tuple[Function, dict[str, str]] | None:
        for pattern, function in self._routes:
            match = pattern.fullmatch(request.url.path.removeprefix("/"))
            methods = {str(method).upper() for method in function.trigger["methods"]}
            if match and request.method in methods:
                return function, match.groupdict("")
        return None


def _pattern(route: str) -> re.Pattern[str]:
    """``{name}`` is one segment of a path, ``{*name}`` the rest of it."""
    escaped = re.escape(route)
    escaped = re.sub(r"\\\{\\\*(\w+)\\\}", r"(?P<\1>.*)", escaped)
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", escaped))
