"""Answers Graph's change notifications: the handshake, and news that mean "look now".

Nothing of a notification is believed but our own secret in it: which mail it names, and whether
there is one, the poll finds out.
"""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.web.bounded_body import bounded_body
from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

logger = logging.getLogger(__name__)

_MOST_BYTES = 256 * 1024
_LONGEST_TOKEN = 4096
_LONGEST_SECRET = 128  # of Graph's clientState
_ENDING = frozenset({"reauthorizationRequired", "subscriptionRemoved"})


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What notifications of ours ask for: to look for mail, to renew the subscription."""

    look: bool = False
    renew: bool = False


class NotificationDoor:
    """The endpoint (Starlette) that Graph posts to. `look` and `renew` run after the answer, which
    Graph wants within three seconds.
    """

    def __init__(
        self,
        secret: str,
        *,
        look: Callable[[], Awaitable[None]],
        renew: Callable[[], Awaitable[None]],
    ) -> None:
        """Raises SettingsError: without a secret anybody could make us look."""
        if not 0 < len(secret) <= _LONGEST_SECRET:
            raise SettingsError(
                "MAIL_INGEST_GRAPH_NOTIFICATION_SECRET",
                f"write 1 to {_LONGEST_SECRET} characters that nobody can guess, or empty"
                " MAIL_INGEST_GRAPH_NOTIFICATION_URL.",
            )
        self._secret = secret
        self._look = look
        self._renew = renew

    async def __call__(self, request: Request) -> Response:
        """POST: 200 for the handshake, 202 for notifications, else 400 or 413."""
        from starlette.background import BackgroundTasks
        from starlette.responses import PlainTextResponse, Response

        token = request.query_params.get("validationToken")
        if token is not None:
            nosniff = {"X-Content-Type-Options": "nosniff"}
            return PlainTextResponse(token[:_LONGEST_TOKEN], headers=nosniff)
        body = await bounded_body(request, _MOST_BYTES)
        if body is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        news = read_news(body, secret=self._secret)
        if news is None:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        tasks = BackgroundTasks()
        if news.renew:
            tasks.add_task(self._renew)
        if news.look:
            tasks.add_task(self._look)
        return Response(status_code=HTTPStatus.ACCEPTED, background=tasks)


def read_news(body: bytes, *, secret: str) -> News | None:
    """What a body asks for; None when it is no list of notifications. Those without our secret ask
    for nothing.
    """
    try:
        notifications: list[dict[str, Any]] = msgspec.json.decode(body, type=_Body).value
    except msgspec.DecodeError:
        return None
    ours = [each for each in notifications if _is_ours(each, secret)]
    if len(ours) < len(notifications):
        logger.warning("notification without our secret", extra={"action": "notification_refused"})
    events = {each.get("lifecycleEvent") for each in ours}
    return News(look=bool(ours), renew=not _ENDING.isdisjoint(events))


class _Body(msgspec.Struct):
    value: list[dict[str, Any]]


def _is_ours(notification: dict[str, Any], secret: str) -> bool:
    state = notification.get("clientState")
    return isinstance(state, str) and hmac.compare_digest(state.encode(), secret.encode())
