"""The door that Event Grid delivers to: handshakes, keys, refusals, redelivery."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from adapters.web.event_grid import EventGridDoor
from http_intake.serving import ServerSettings, serving
from shared.codec import to_json
from shared.errors import ServiceUnavailableError
from shared.model import CloudEvent
from tests.fakes.event_grid.deliveries import HandshakeError, Subscription
from tests.fakes.event_grid.schedule import Schedule
from tests.fakes.event_grid.topic import topic

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

EVENT = CloudEvent(
    id="1", source="/mail_ingest", type="known", subject="s", time="2026-11-24T12:00:00Z", data={}
)
KEY = {"X-Delivery-Key": "secret"}


@dataclass(slots=True)
class Handler:
    """Answers as told: the last answer stays. An exception is raised."""

    answers: list[bool | Exception] = field(default_factory=lambda: [True])
    seen: list[CloudEvent] = field(default_factory=list[CloudEvent])

    async def __call__(self, event: CloudEvent) -> bool:
        self.seen.append(event)
        await asyncio.sleep(0.02)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def door(handler: Handler, key: str = "secret") -> AsyncGenerator[httpx.AsyncClient]:
    """A client of an open door, which is at /events of its base URL."""
    app = Starlette(routes=[EventGridDoor({"known": handler}, delivery_key=key).route("/events")])
    async with (
        serving(app, ServerSettings(port=0), has_keys=True) as address,
        httpx.AsyncClient(base_url=address.url, trust_env=False) as client,
    ):
        yield client


async def deliver(client: httpx.AsyncClient, content: bytes, **headers: str) -> int:
    answer = await client.post("/events", content=content, headers=headers or KEY)
    return answer.status_code


async def test_either_handshake_makes_a_subscription() -> None:
    async with door(Handler()) as client, topic() as event_grid:
        subscription = Subscription(url=f"{client.base_url}/events")
        await event_grid.subscribe(subscription)
        await event_grid.subscribe(subscription, code="512d38b6-c7b8-40c8-89fe-f46f9e9622b6")


async def test_nobody_else_may_ask_to_deliver() -> None:
    async with door(Handler()) as client:
        answer = await client.options(
            "/events", headers={"WebHook-Request-Origin": "elsewhere.example"}
        )

    assert answer.status_code == 403
    assert "webhook-allowed-origin" not in answer.headers


async def test_a_door_that_knows_no_handshake_gets_no_subscription() -> None:
    async with door(Handler()) as client, topic() as event_grid:
        nowhere = Subscription(url=f"{client.base_url}/nowhere")
        with pytest.raises(HandshakeError):
            await event_grid.subscribe(nowhere)
        with pytest.raises(HandshakeError):
            await event_grid.subscribe(nowhere, code="code")


@pytest.mark.parametrize("headers", [{"X-Delivery-Key": "wrong"}, {"X-Other": "secret"}])
@pytest.mark.parametrize("query", ["", "?delivery-key=wrong", "?other=secret"])
async def test_a_delivery_without_the_key_is_not_taken_and_comes_again(
    headers: dict[str, str], query: str
) -> None:
    handler = Handler()
    async with door(handler) as client:
        answer = await client.post(f"/events{query}", content=to_json(EVENT), headers=headers)

    assert handler.seen == []
    assert Schedule().pause_s(1, answer.status_code) == 30


async def test_a_door_without_a_key_takes_nothing() -> None:
    async with door(Handler(), key="") as client:
        assert await deliver(client, to_json(EVENT), **{"X-Delivery-Key": ""}) == 503


async def test_a_topic_in_a_namespace_brings_the_key_in_the_url() -> None:
    handler = Handler()
    async with door(handler, key="a key/with+signs") as client, topic() as event_grid:
        in_url = Subscription(url=f"{client.base_url}/events?delivery-key=a%20key%2Fwith%2Bsigns")
        await event_grid.subscribe(in_url)
        event_grid.deliveries.start(in_url, [msgspec.to_builtins(EVENT)])
        await event_grid.deliveries.settled()

    assert handler.seen == [EVENT]


async def test_an_event_is_handled_once_though_it_is_delivered_at_the_same_time() -> None:
    handler = Handler()
    async with door(handler) as client:
        statuses = await asyncio.gather(*(deliver(client, to_json(EVENT)) for _ in range(5)))

    assert statuses == [200] * 5
    assert handler.seen == [EVENT]


async def test_an_event_that_comes_too_early_is_asked_for_again() -> None:
    handler = Handler([False, True])
    async with door(handler) as client:
        assert await deliver(client, to_json(EVENT)) == 409
        assert await deliver(client, to_json(EVENT)) == 200
        assert await deliver(client, to_json(EVENT)) == 200

    assert len(handler.seen) == 2


async def test_a_fault_says_whether_it_can_be_cured() -> None:
    handler = Handler(
        [
            ServiceUnavailableError("engine"),
            ZeroDivisionError("of ours"),
            msgspec.ValidationError("no job_id"),
        ]
    )
    async with door(handler) as client:
        assert [await deliver(client, to_json(EVENT)) for _ in range(3)] == [503, 500, 400]


async def test_a_batch_comes_again_as_a_whole_but_each_event_is_handled_once() -> None:
    handler = Handler([True, False, True])
    events = (EVENT, replace(EVENT, id="2"), replace(EVENT, id="3", type="unknown"))
    batch = {**KEY, "Content-Type": "application/cloudevents-batch+json; charset=utf-8"}
    async with door(handler) as client:
        assert await deliver(client, to_json(events), **batch) == 409
        assert await deliver(client, to_json(events), **batch) == 200

    assert [event.id for event in handler.seen] == ["1", "2", "2"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"id": "1"}', b"\xff", b"null"])
async def test_what_is_no_event_is_refused_for_good(content: bytes) -> None:
    async with door(Handler()) as client:
        assert await deliver(client, content) == 400


@pytest.mark.parametrize("content", [b"", b"[]", b"[{}]", b'[{"data": 1}]', b'[{"data": []}]'])
async def test_a_validation_without_a_code_is_refused(content: bytes) -> None:
    headers = {"aeg-event-type": "SubscriptionValidation"}
    async with door(Handler()) as client:
        assert await deliver(client, content, **headers) == 400


async def test_a_delivery_that_is_too_large_is_refused() -> None:
    async with door(Handler()) as client:
        assert await deliver(client, b" " * (2 * 1024 * 1024 + 1)) == 413


async def test_event_grid_puts_aside_what_is_refused_for_good() -> None:
    handler = Handler([msgspec.ValidationError("no job_id")])
    async with door(handler) as client, topic(Schedule(scale=0.001)) as event_grid:
        subscription = Subscription(url=f"{client.base_url}/events", headers=KEY)
        event_grid.deliveries.start(subscription, [msgspec.to_builtins(EVENT)])
        await event_grid.deliveries.settled()

    assert [status for _, status in event_grid.deliveries.dead] == [400]
