"""The server: GET with a resource, a token back."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.azurite import token_for
from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_SECRET = "an-identity-header"
_LIVES_S = 330  # azure-identity asks for a new one 300 s before the end: here every 30 s


@dataclass(slots=True)
class FakeIdentityEndpoint:
    """A running endpoint; `requests` counts the tokens that were given."""

    url: str = ""
    requests: int = 0

    def environment(self, url: str = "") -> dict[str, str]:
        """What leads azure-identity to it, or to `url` in front of it."""
        return {"IDENTITY_ENDPOINT": f"{url or self.url}/msi/token", "IDENTITY_HEADER": _SECRET}

    async def give(self, request: web.Request) -> web.Response:
        """GET /msi/token?resource=..."""
        if request.headers.get("X-IDENTITY-HEADER") != _SECRET:
            return web.json_response({"statusCode": 401, "message": "Who are you?"}, status=401)
        self.requests += 1
        resource = request.query["resource"]
        token = token_for(resource, lives_s=_LIVES_S)
        return web.json_response(
            {
                "access_token": token.token,
                "expires_on": str(token.expires_on),
                "resource": resource,
                "token_type": "Bearer",
            }
        )


@asynccontextmanager
async def fake_identity_endpoint() -> AsyncGenerator[FakeIdentityEndpoint]:
    """Run it on a free port."""
    endpoint = FakeIdentityEndpoint()
    app = web.Application()
    app.add_routes([web.get("/msi/token", endpoint.give)])
    async with web_server(app) as endpoint.url:
        yield endpoint
