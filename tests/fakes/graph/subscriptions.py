"""Change notifications: subscriptions with the handshake, and telling the subscribers."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, ClientTimeout, web

from tests.fakes.graph import answers

if TYPE_CHECKING:
    from tests.fakes.graph.mailbox import Message

_LONGEST = timedelta(minutes=10_080)


class Subscriptions:
    """All subscriptions, by ID."""

    def __init__(self) -> None:
        self.open: dict[str, dict[str, Any]] = {}

    async def create(self, request: web.Request) -> web.Response:
        """POST: each address must first echo a token as plain text."""
        given: dict[str, Any] = await request.json()
        if refusal := _refused_expiration(given):
            return refusal
        for url in (given["notificationUrl"], given.get("lifecycleNotificationUrl")):
            if url and not await _echoes(url):
                return answers.error(
                    400, "ValidationError", "Subscription validation request failed."
                )
        key = secrets.token_hex(16)
        self.open[key] = {**given, "id": key}
        return web.json_response(self._shown(key), status=201)

    async def renew(self, request: web.Request) -> web.Response:
        """PATCH of the expiration."""
        key = request.match_info["id"]
        if key not in self.open:
            return answers.error(404, "ResourceNotFound", "The object was not found.")
        given: dict[str, Any] = await request.json()
        if refusal := _refused_expiration(given):
            return refusal
        self.open[key].update(given)
        return web.json_response(self._shown(key))

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE."""
        self.open.pop(request.match_info["id"], None)
        return web.Response(status=204)

    async def tell(self, message: Message) -> list[int]:
        """Tell the subscribers of a new message; the status that each answers."""
        change = {
            "changeType": "created",
            "resource": f"Users/u/Messages/{message.id}",
            "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": message.id},
        }
        return [await _post(s["notificationUrl"], {**_common(s), **change}) for s in self._all()]

    async def tell_lifecycle(self, event: str) -> list[int]:
        """Tell of ``reauthorizationRequired``, ``subscriptionRemoved`` or ``missed``."""
        return [
            await _post(s["lifecycleNotificationUrl"], {**_common(s), "lifecycleEvent": event})
            for s in self._all()
        ]

    def _all(self) -> list[dict[str, Any]]:
        return list(self.open.values())

    def _shown(self, key: str) -> dict[str, Any]:
        return {name: value for name, value in self.open[key].items() if name != "clientState"}


def _refused_expiration(given: dict[str, Any]) -> web.Response | None:
    until = datetime.fromisoformat(given["expirationDateTime"])
    if until <= datetime.now(UTC) + _LONGEST:
        return None
    return answers.error(
        400, "ExtensionError", "Subscription expiration can only be 10080 minutes in the future."
    )


async def _echoes(url: str) -> bool:
    token = f"Validation: Testing client application reachability {secrets.token_hex(8)}"
    async with (
        ClientSession(timeout=ClientTimeout(10)) as session,
        session.post(url, params={"validationToken": token}) as answer,
    ):
        plain = answer.content_type == "text/plain"
        return answer.status == 200 and plain and await answer.text() == token


def _common(subscription: dict[str, Any]) -> dict[str, Any]:
    return {
        "subscriptionId": subscription["id"],
        "clientState": subscription.get("clientState"),
        "tenantId": "tenant",
        "subscriptionExpirationDateTime": subscription["expirationDateTime"],
    }


async def _post(url: str, notification: dict[str, Any]) -> int:
    async with (
        ClientSession(timeout=ClientTimeout(10)) as session,
        session.post(url, json={"value": [notification]}) as answer,
    ):
        return answer.status
