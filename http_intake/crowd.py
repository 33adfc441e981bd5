"""No more connections at a time than the door is made for: the others are told to come again.

uvicorn has such a limit too; it answers in plain text, and writes a log line without facts.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from http_intake import problems
from http_intake.problem_types import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

_RETRY_AFTER_S = 5
_CROWDED = problems.Problem(
    kind=UNAVAILABLE,
    detail="There are more connections than the service takes at a time. Send it again after"
    " Retry-After.",
    headers={"Retry-After": str(_RETRY_AFTER_S), "Connection": "close"},
)


class CrowdLimit:
    """ASGI middleware: a request is turned away while there are more than `most` connections, as
    `count` says.
    """

    def __init__(self, app: ASGIApp, *, count: Callable[[], int], most: int) -> None:
        self._app = app
        self._count = count
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._count() <= self._most:
            await self._app(scope, receive, send)
            return
        kind = _CROWDED.kind
        facts = {"problem": kind.name, "status": kind.status.value}
        logger.warning("too many connections", extra={"action": "request_refused", **facts})
        await problems.response(_CROWDED, scope["path"])(scope, receive, send)
