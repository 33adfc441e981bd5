"""The server: routes, the token check, faults and throttling before them, records after them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from tests.fakes.graph import answers, delta, reading, sending, uploads, writing
from tests.fakes.graph.faults import Fault, FaultKind, Limits, Throttle
from tests.fakes.graph.mailbox import Mailbox
from tests.fakes.graph.subscriptions import Subscriptions
from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from aiohttp.typedefs import Handler

_CODES = {
    FaultKind.THROTTLED: "ApplicationThrottled",
    FaultKind.ERROR: "ErrorInternalServerError",
    FaultKind.UNAVAILABLE: "serviceNotAvailable",
    FaultKind.TIMED_OUT: "GatewayTimeout",
}


class Recorded(NamedTuple):
    """An answer in JSON, as it went out."""

    method: str
    path: str
    status: int
    body: Any


class FakeGraph:
    """A Graph with one mailbox. `calls` are ``METHOD /path``; `recorded` are answers in JSON."""

    def __init__(self, *, limits: Limits | None = None, token: str = "") -> None:
        self.mailbox = Mailbox()
        self.sent: list[sending.Sent] = []
        self.uploads: dict[str, uploads.Upload] = {}
        self.subscriptions = Subscriptions()
        self.faults: list[Fault] = []
        self.throttle = Throttle(limits=limits or Limits())
        self.calls: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.recorded: list[Recorded] = []
        self.url = ""
        self._token = token

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(middlewares=[self._gate], client_max_size=64 << 20)
        app.add_routes(self._routes())
        return app

    def _routes(self) -> list[web.RouteDef]:
        box, sent, uploading = self.mailbox, self.sent, self.uploads
        user = "/v1.0/users/{user}"
        folder = user + "/mailFolders/{folder}"
        message = user + "/messages/{id}"
        attachments = message + "/attachments"
        renew, delete = self.subscriptions.renew, self.subscriptions.delete
        return [
            web.get(folder + "/messages/delta", partial(delta.get_delta, box)),
            web.get(folder + "/messages/delta()", partial(delta.get_delta, box)),
            web.get(folder + "/messages", partial(reading.list_messages, box)),
            web.get(user + "/messages", partial(reading.list_messages, box)),
            web.post(user + "/messages", partial(sending.create_message, box)),
            web.get(user + "/mailFolders", partial(reading.list_folders, box)),
            web.post(user + "/mailFolders", partial(writing.create_folder, box)),
            web.get(folder, partial(reading.get_folder, box)),
            web.get(message, partial(reading.get_message, box)),
            web.patch(message, partial(writing.patch_message, box)),
            web.delete(message, partial(writing.delete_message, box)),
            web.get(message + "/$value", partial(reading.get_value, box)),
            web.post(message + "/move", partial(writing.move_message, box)),
            web.post(message + "/createReply", partial(sending.create_reply, box)),
            web.post(message + "/send", partial(sending.send_draft, box, sent)),
            web.post(user + "/sendMail", partial(sending.send_mail, box, sent)),
            web.get(attachments, partial(reading.list_attachments, box)),
            web.post(attachments, partial(sending.add_attachment, box)),
            web.post(
                attachments + "/createUploadSession",
                partial(uploads.create_session, box, uploading),
            ),
            web.get(
                attachments + "/{attachment}/$value", partial(reading.get_attachment_value, box)
            ),
            web.put("/uploads/{key}", partial(uploads.put_range, box, uploading)),
            web.post("/v1.0/subscriptions", self.subscriptions.create),
            web.patch("/v1.0/subscriptions/{id}", renew),
            web.delete("/v1.0/subscriptions/{id}", delete),
        ]

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path}")
        self.headers.append(request.headers)
        if not request.path.startswith("/uploads/") and not self._knows(request):
            return answers.error(401, "InvalidAuthenticationToken", "Access token is empty.")
        refusal = self.throttle.refusal(
            upload_bytes=request.content_length or 0,
            is_send=request.path.endswith(("/send", "/sendMail")),
        )
        if refusal:
            after = f"{self.throttle.limits.retry_after_s:.0f}"
            return answers.error(429, "ApplicationThrottled", refusal, Retry_After=after)
        self.throttle.under_way += 1
        self.throttle.most_at_once = max(self.throttle.most_at_once, self.throttle.under_way)
        try:
            return self._record(request, await self._with_faults(request, handler))
        finally:
            self.throttle.under_way -= 1

    def _knows(self, request: web.Request) -> bool:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and bool(token) and token == (self._token or token)

    async def _with_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        call = f"{request.method} {request.path}"
        fault = next((fault for fault in self.faults if fault.strikes(call)), None)
        if fault is None:
            return await handler(request)
        return await _play(fault, request, handler)

    def _record(self, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        if isinstance(answer, web.Response) and answer.content_type == "application/json":
            body = json.loads(answer.text or "null")
            self.recorded.append(Recorded(request.method, request.path, answer.status, body))
        return answer


async def _play(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    match fault.kind:
        case FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        case FaultKind.CUT:
            request[reading.CUT_AFTER] = fault.after_bytes
            return await handler(request)
        case FaultKind.HALF | FaultKind.SHORT:
            request[reading.CUT_AFTER] = fault.after_bytes
            request[reading.ENDS_WELL] = 206 if fault.kind is FaultKind.HALF else 200
            return await handler(request)
        case FaultKind.SYNC_STATE_GONE:
            return delta.sync_state_gone(request)
        case FaultKind.TIMED_OUT_AFTER_ACCEPT:
            await handler(request)
            return answers.error(504, "GatewayTimeout")
        case _:
            return _instead(fault)


def _instead(fault: Fault) -> web.Response:
    """An answer of which the mailbox hears nothing."""
    match fault.kind:
        case FaultKind.PAGE:
            return web.Response(text="<html>Welcome!</html>", content_type="text/html")
        case FaultKind.JSON_ERROR:
            return web.json_response({"error": {"code": "UnknownError", "message": ""}})
        case FaultKind.EMPTY:
            return web.Response(content_type="text/plain")
        case FaultKind.REFUSED:
            return answers.error(fault.status, fault.code)
        case _:
            after = fault.retry_after_s
            fields = {} if after is None else {"Retry_After": f"{after:.0f}"}
            return answers.error(int(fault.kind), _CODES[fault.kind], **fields)


@asynccontextmanager
async def fake_graph(*, limits: Limits | None = None, token: str = "") -> AsyncGenerator[FakeGraph]:
    """A fake Graph that serves on 127.0.0.1 for as long as the block lasts; `url` is its root.
    With a `token` no other one is taken.
    """
    graph = FakeGraph(limits=limits, token=token)
    async with web_server(graph.app()) as url:
        graph.url = f"{url}/v1.0"
        yield graph
