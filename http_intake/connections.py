"""What a request meets while there are too many connections: 503 and Retry-After, but for health.

uvicorn has such a limit too; it answers in plain text, writes a log line without facts, and shuts
out the probes that would restart us for it.
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

IS_OVER = "mail_ingest.is_over"  # in the scope: whether this connection is one too many
_HEALTH = frozenset({"/health/live", "/health/ready"})
_RETRY_AFTER_S = 5
_CROWDED = problems.Problem(
    kind=UNAVAILABLE,
    detail="There are more connections, in all or from your address, than the service takes at a"
    " time. Send it again after Retry-After.",
    headers={"Retry-After": str(_RETRY_AFTER_S), "Connection": "close"},
)


class RefuseWhenFull:
    """ASGI middleware: a request is turned away while `is_full`, or while its connection is one
    too many.
    """

    def __init__(self, app: ASGIApp, *, is_full: Callable[[], bool]) -> None:
        self._app = app
        self._is_full = is_full

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        over = scope["state"][IS_OVER]() or self._is_full()
        if not over or scope["path"] in _HEALTH:
            await self._app(scope, receive, send)
            return
        kind = _CROWDED.kind
        facts = {"problem": kind.name, "status": kind.status.value}
        logger.warning("too many connections", extra={"action": "request_refused", **facts})
        await problems.response(_CROWDED, scope["path"])(scope, receive, send)
