"""Delivers events to subscribers, again and again until they take them, or the end."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.fakes.event_grid.schedule import TAKEN, Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

type Event = dict[str, Any]

_ORIGIN = "eventgrid.azure.net"


class HandshakeError(Exception):
    """An endpoint did not agree to be delivered to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who gets which events. `headers` are the delivery properties; `batch` is how many events
    come in one request at the most.
    """

    url: str
    types: frozenset[str] = frozenset()  # empty: all
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    batch: int = 1


class Deliveries:
    """Everything that is on its way. `dead` keeps what was given up, with the last status."""

    def __init__(self, schedule: Schedule) -> None:
        self.dead: list[tuple[Event, int]] = []
        self._schedule = schedule
        self._http = httpx.AsyncClient(timeout=30, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, subscription: Subscription, events: Sequence[Event]) -> None:
        """Deliver what the subscription asks for."""
        wanted = [it for it in events if not subscription.types or it["type"] in subscription.types]
        for some in itertools.batched(wanted, subscription.batch, strict=False):
            task = asyncio.create_task(self._deliver(subscription, some))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until everything was taken or given up."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Deliver no more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._http.aclose()

    async def shake_hands(self, subscription: Subscription) -> None:
        """The handshake of CloudEvents webhooks. Raises HandshakeError."""
        headers = {"WebHook-Request-Origin": _ORIGIN, "WebHook-Request-Rate": "120"}
        answer = await self._http.options(subscription.url, headers=headers)
        allowed = answer.headers.get("WebHook-Allowed-Origin")
        if answer.status_code not in TAKEN or allowed not in {"*", _ORIGIN}:
            raise HandshakeError(f"OPTIONS was answered with {answer.status_code}")

    async def exchange_code(self, subscription: Subscription, code: str) -> None:
        """The classic handshake. Raises HandshakeError."""
        event = {
            "id": "validation",
            "topic": "/topics/fake",
            "subject": "",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": "2026-11-24T12:00:00Z",
            "data": {"validationCode": code, "validationUrl": "https://example.invalid/"},
            "metadataVersion": "1",
            "dataVersion": "2",
        }
        headers = {"aeg-event-type": "SubscriptionValidation"}
        answer = await self._http.post(subscription.url, json=[event], headers=headers)
        if not answer.is_success or answer.json().get("validationResponse") != code:
            raise HandshakeError(f"the code was answered with {answer.status_code}")

    async def _deliver(self, subscription: Subscription, events: Sequence[Event]) -> None:
        for attempts in itertools.count(1):
            status = await self._attempt(subscription, events, attempts)
            if status in TAKEN:
                return
            pause_s = self._schedule.pause_s(attempts, status)
            if pause_s is None:
                self.dead.extend((event, status) for event in events)
                return
            await asyncio.sleep(pause_s)

    async def _attempt(
        self, subscription: Subscription, events: Sequence[Event], attempts: int
    ) -> int:
        batched = subscription.batch > 1
        kind = "application/cloudevents-batch+json" if batched else "application/cloudevents+json"
        headers = {
            **subscription.headers,
            "Content-Type": f"{kind}; charset=utf-8",
            "aeg-event-type": "Notification",
            "aeg-delivery-count": str(attempts - 1),
        }
        content = json.dumps(list(events) if batched else events[0])
        try:
            answer = await self._http.post(subscription.url, content=content, headers=headers)
        except httpx.TransportError:
            return 0
        return answer.status_code
