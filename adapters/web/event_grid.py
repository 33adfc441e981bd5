"""Where Event Grid delivers events by HTTP: the handler of containers, which have no trigger.

It answers both handshakes, the one of CloudEvents webhooks (OPTIONS, section 4) and the classic one
(a validation code). A delivery must bring the key that its subscription was made with: as a header
field, or, because a topic in a namespace can set none for a webhook, in the URL.

An event that is refused comes again: Event Grid waits ten seconds at first, after 503 half a
minute. But 400, 401, 403 and 413 are final, and from a topic in a namespace 404 and 414 too
(learn.microsoft.com, "Event Grid message delivery and retry", "Message push delivery and retry with
namespace topics"). A batch is taken as a whole or comes again as a whole.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.web.bounded_body import bounded_body
from adapters.web.once import Once
from shared.errors import IngestError
from shared.model import CloudEvent

if TYPE_CHECKING:
    from starlette.requests import Request

logger = logging.getLogger(__name__)

type Handler = Callable[[CloudEvent], Awaitable[bool]]
"""Takes an event; False when it is to come again later."""

_MOST_BYTES = 2 * 1024 * 1024  # Event Grid sends 1 MB at the most
_ORIGIN = "eventgrid.azure.net"
_TAKEN = HTTPStatus.OK
_NOT_YET = HTTPStatus.CONFLICT  # what it is for does not exist yet: comes again in ten seconds
# 401 would be final, and a key that is being changed would cost the events of that time.
_OTHER_KEY = HTTPStatus.SERVICE_UNAVAILABLE
_KEY_FIELD, _KEY_PARAMETER = "x-delivery-key", "delivery-key"


class EventGridDoor:
    """Hands each event to the handler of its type; an event of another type is taken, and ignored.

    An event that was taken is known by (source, id) for a while, and not handled again.
    """

    def __init__(
        self, handlers: Mapping[str, Handler], *, delivery_key: str, origin: str = _ORIGIN
    ) -> None:
        self._handlers = dict(handlers)
        self._key = delivery_key.encode()
        self._origin = origin
        self._once = Once()

    def route(self, path: str = "/v1/events") -> Route:
        """For the HTTP door."""
        return Route(path, self._serve, methods=["OPTIONS", "POST"])

    async def _serve(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return self._allow(request)
        body = await bounded_body(request, _MOST_BYTES)
        if body is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if request.headers.get("aeg-event-type") == "SubscriptionValidation":
            return _validation(body)
        if not self._has_key(request):
            logger.warning("delivery without our key", extra={"action": "event_refused"})
            return Response(status_code=_OTHER_KEY)
        try:
            events = _events(body, request.headers.get("content-type", ""))
        except msgspec.DecodeError:
            logger.warning("delivery is no event", extra={"action": "event_refused"})
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        statuses = [await self._take(event) for event in events]
        return Response(status_code=max(statuses, default=_TAKEN))

    def _allow(self, request: Request) -> Response:
        """CloudEvents HTTP webhook 4.1: who may deliver, and how often."""
        origin = request.headers.get("webhook-request-origin", "")
        if origin != self._origin:
            return Response(status_code=HTTPStatus.FORBIDDEN)
        allowed = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
        return Response(headers=allowed)

    def _has_key(self, request: Request) -> bool:
        url = request.query_params
        brought = request.headers.get(_KEY_FIELD) or url.get(_KEY_PARAMETER, "")
        return bool(self._key) and hmac.compare_digest(brought.encode(), self._key)

    async def _take(self, event: CloudEvent) -> HTTPStatus:
        handler = self._handlers.get(event.type)
        if handler is None:
            return _TAKEN
        facts = {"event_id": event.id, "event_type": event.type}
        try:
            taken = await self._once.run((event.source, event.id), lambda: handler(event))
        except msgspec.ValidationError:
            logger.warning("event makes no sense", extra={"action": "event_refused", **facts})
            return HTTPStatus.BAD_REQUEST
        except IngestError as exc:
            extra = {"action": "event_waits", "error": str(exc), **facts}
            logger.warning("event not taken, it comes again", extra=extra)
            return HTTPStatus.SERVICE_UNAVAILABLE
        except Exception:
            logger.exception("event handler failed", extra={"action": "event_failed", **facts})
            return HTTPStatus.INTERNAL_SERVER_ERROR
        return _TAKEN if taken else _NOT_YET


def _events(body: bytes, content_type: str) -> tuple[CloudEvent, ...]:
    """The events of a delivery. Raises msgspec.DecodeError."""
    if content_type.startswith("application/cloudevents-batch+json") or body[:1] == b"[":
        return msgspec.json.decode(body, type=tuple[CloudEvent, ...])
    return (msgspec.json.decode(body, type=CloudEvent),)


def _validation(body: bytes) -> Response:
    """The classic handshake: the code is given back."""
    try:
        (event,) = msgspec.json.decode(body, type=tuple[dict[str, Any], ...])
        code = event["data"]["validationCode"]
    except (msgspec.DecodeError, ValueError, KeyError, TypeError):
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    return JSONResponse({"validationResponse": code})
