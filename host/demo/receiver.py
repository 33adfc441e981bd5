"""A small receiver of webhooks, as a partner would run one: it checks the signature, then keeps the
body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from http_intake.serving import ServerSettings, serving
from shared.codec import from_json
from shared.model import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request


@dataclass(slots=True)
class Receiver:
    """What came, by webhook-id; a body whose signature is wrong is counted and refused."""

    secret: str
    url: str = ""
    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    calls: int = 0
    forged: int = 0

    async def take(self, request: Request) -> Response:
        """POST: one webhook."""
        body = await request.body()
        self.calls += 1
        if not self._is_genuine(request, body):
            self.forged += 1
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        outcome = from_json(body, Outcome, where="the webhook")
        self.outcomes[request.headers["webhook-id"]] = outcome
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _is_genuine(self, request: Request, body: bytes) -> bool:
        """Standard Webhooks: HMAC-SHA256 over id, timestamp and body."""
        head = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}."
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.digest(key, head.encode("ascii") + body, hashlib.sha256)
        expected = f"v1,{base64.b64encode(mac).decode('ascii')}"
        given = request.headers["webhook-signature"].split()
        return any(hmac.compare_digest(expected, each) for each in given)


@asynccontextmanager
async def receiving(secret: str) -> AsyncGenerator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver(secret)
    app = Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])
    async with serving(app, ServerSettings(port=0), has_keys=False) as address:
        receiver.url = f"{address.url}/hook"
        yield receiver
