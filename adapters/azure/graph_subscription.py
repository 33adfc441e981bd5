"""Asks Graph to tell us of new mail at once: a subscription, renewed in time. Optional.

A notification only ever means "look now". The poll finds every mail without it, so nothing is lost
when Graph does not tell, tells twice, or cannot reach us.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.azure.graph_errors import GraphRefusedError
from adapters.azure.graph_requests import request
from shared.codec import from_json, to_json
from shared.errors import IngestError
from shared.events import rfc3339

if TYPE_CHECKING:
    from adapters.azure.graph_mail import GraphMail
    from adapters.azure.ledger import Ledger
    from shared.model import JsonObject
    from shared.ports import Clock

logger = logging.getLogger(__name__)

_NOTE = "graph-subscription"
_LIFETIME = timedelta(days=3)  # Graph allows seven
_RENEW_BEFORE = timedelta(days=1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """A subscription of ours, and until when (RFC 3339)."""

    id: str
    until: str


class GraphSubscription:
    """The subscription of one mailbox to `url`, which takes what `graph_notifications` answers."""

    def __init__(
        self, mail: GraphMail, ledger: Ledger, *, url: str, secret: str, clock: Clock
    ) -> None:
        self._mail = mail
        self._client = mail.client
        self._ledger = ledger
        self._url = url
        self._secret = secret
        self._clock = clock

    async def keep(self, *, renew: bool = False) -> None:
        """Subscribe, or renew when half the time is over, or now. To be called every few hours. A
        failure is only logged: the poll goes on.
        """
        try:
            await self._keep(renew=renew)
        except IngestError as exc:
            facts = {"action": "subscription_failed", "reason": str(exc)}
            logger.warning("no notifications of new mail", extra=facts)

    async def _keep(self, *, renew: bool) -> None:
        note = await self._ledger.get(_NOTE, self._mail.address)
        known = from_json(note, Subscribed, where=_NOTE) if note else None
        if known is None or not await self._renewed(known, now=renew):
            await self._subscribe()

    async def _renewed(self, known: Subscribed, *, now: bool) -> bool:
        """Whether a subscription is still there, renewed where it must be."""
        left = datetime.fromisoformat(known.until) - self._clock.now()
        if left > _RENEW_BEFORE and not now:
            return True
        until = self._end()
        builder = self._client.api.subscriptions.by_subscription_id(known.id)
        body: JsonObject = {"expirationDateTime": until}
        try:
            await self._client.json(request(builder, "PATCH", body=body))
        except GraphRefusedError as exc:
            if exc.is_gone:
                return False
            raise
        await self._note(Subscribed(id=known.id, until=until))
        return True

    async def _subscribe(self) -> None:
        """Graph calls `url` while this call is under way, and wants its token echoed."""
        until = self._end()
        body: JsonObject = {
            "changeType": "created",
            "notificationUrl": self._url,
            "lifecycleNotificationUrl": self._url,
            "resource": f"users/{self._mail.address}/mailFolders('inbox')/messages",
            "expirationDateTime": until,
            "clientState": self._secret,
        }
        made = await self._client.json(request(self._client.api.subscriptions, "POST", body=body))
        await self._note(Subscribed(id=str(made["id"]), until=until))

    async def _note(self, subscribed: Subscribed) -> None:
        await self._ledger.put(_NOTE, self._mail.address, to_json(subscribed).decode())

    def _end(self) -> str:
        return rfc3339(self._clock.now() + _LIFETIME)
