"""The Office 365 Outlook connector, as far as the Logic App calls it, over the fake Graph mailbox.

It gives the trigger's item of a message, exports, marks and moves, over real sockets. What it does
not do: the connector's sign-in, its throttling, and its 50 MB limit for what triggers. Its messages
have mutable IDs, as far as is known. Which Content-Type an export has was never tried on the real
connector, so the test chooses it.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.fakes.graph import Mailbox, Message


class FakeOffice365:
    """A connection to the mailbox that Graph serves too. `url` is its connection ID."""

    def __init__(self, mailbox: Mailbox, address: str) -> None:
        self.url = ""
        self.export_type = "application/octet-stream"
        self.moves_fail = False
        self._mailbox = mailbox
        self._address = address

    def item(self, message: Message) -> dict[str, Any]:
        """What the trigger tells of a message; its times end with an offset."""
        received: str = message.properties["receivedDateTime"]
        return {
            "id": self._mailbox.public_id(message, immutable=False),
            "internetMessageId": message.properties["internetMessageId"],
            "receivedDateTime": received.replace("Z", "+00:00"),
            "subject": message.properties["subject"],
            "hasAttachments": message.properties["hasAttachments"],
        }

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/codeless/beta/me/messages/{id}/$value", self._export),
                web.patch("/codeless/v3/v1.0/me/messages/{id}/markAsRead", self._mark),
                web.post("/v2/Mail/Move/{id}", self._move),
            ]
        )
        return app

    async def _export(self, request: web.Request) -> web.Response:
        message = self._find(request)
        return web.Response(
            body=b"".join(message.mime()), headers={"Content-Type": self.export_type}
        )

    async def _mark(self, request: web.Request) -> web.Response:
        self._mailbox.update(self._find(request), await request.json())
        return web.Response()

    async def _move(self, request: web.Request) -> web.Response:
        message = self._find(request)
        name = request.query["folderPath"]
        if self.moves_fail:
            raise web.HTTPBadRequest
        self._mailbox.folders.setdefault(f"AQ-{name}", name)
        self._mailbox.move(message, f"AQ-{name}")
        return web.json_response(self.item(message))

    def _find(self, request: web.Request) -> Message:
        message = self._mailbox.find(request.match_info["id"])
        if message is None or request.query["mailboxAddress"] != self._address:
            raise web.HTTPNotFound
        return message


@asynccontextmanager
async def fake_office365(mailbox: Mailbox, address: str) -> AsyncGenerator[FakeOffice365]:
    """The connector on 127.0.0.1 for as long as the block lasts."""
    connector = FakeOffice365(mailbox, address)
    async with web_server(connector.app()) as connector.url:
        yield connector
