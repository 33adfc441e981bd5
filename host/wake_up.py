"""Being told of new mail by Graph, where the settings ask for it. The poll needs none of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from starlette.types import ASGIApp, Receive, Scope, Send

    from adapters.azure.graph_subscription import GraphSubscription
    from shared.settings.azure_mail import GraphSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUp:
    """The subscription, and the path that Graph posts to."""

    subscription: GraphSubscription
    path: str
    secret: str

    @classmethod
    def read(cls, graph: GraphSettings, subscription: GraphSubscription) -> Self | None:
        """What the settings ask for, or None. `subscription` may be unopened."""
        if not (graph.mailbox and graph.notification_url):
            return None
        path = urlsplit(graph.notification_url).path or "/"
        return cls(subscription=subscription, path=path, secret=graph.notification_secret)

    def beside(self, app: ASGIApp, look: Callable[[], Coroutine[Any, Any, None]]) -> ASGIApp:
        """An app that takes Graph's notifications, and leaves all else to `app`. Raises
        SettingsError.

        Graph waits seconds for its answer, a look can take minutes: it goes on after the answer,
        one at a time.
        """
        from starlette.requests import Request

        from adapters.azure.graph_notifications import NotificationDoor

        looking: set[asyncio.Task[None]] = set()

        async def look_soon() -> None:
            if not looking:
                task = asyncio.create_task(look())
                looking.add(task)  # the event loop itself holds tasks only weakly
                task.add_done_callback(looking.discard)

        async def renew() -> None:
            await self.subscription.keep(renew=True)

        door = NotificationDoor(self.secret, look=look_soon, renew=renew)

        async def either(scope: Scope, receive: Receive, send: Send) -> None:
            if (scope["type"], scope.get("method"), scope.get("path")) == self._call:
                response = await door(Request(scope, receive))
                await response(scope, receive, send)
            else:
                await app(scope, receive, send)

        return either

    @property
    def _call(self) -> tuple[str, str, str]:
        return ("http", "POST", self.path)
