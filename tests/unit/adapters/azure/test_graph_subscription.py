from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.azure.graph_notifications import News, NotificationDoor, read_news
from adapters.azure.graph_subscription import GraphSubscription
from shared.errors import SettingsError
from tests.fakes.graph import Fault, FaultKind
from tests.support.clocks import ManualClock
from tests.support.graph import GraphBench, graph_bench
from tests.support.graph_memory import MemoryLedger

SECRET = "nobody knows"


@dataclass
class Subscriber:
    """A program that subscribes: its door on a socket, and what the news led to."""

    url: str = ""
    happened: list[str] = field(default_factory=list[str])

    async def look(self) -> None:
        self.happened.append("look")

    async def renew(self) -> None:
        self.happened.append("renew")


@asynccontextmanager
async def serving(subscriber: Subscriber) -> AsyncGenerator[None]:
    door = NotificationDoor(SECRET, look=subscriber.look, renew=subscriber.renew)
    app = Starlette(routes=[Route("/notifications", door.__call__, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    subscriber.url = f"http://127.0.0.1:{port}/notifications"
    yield
    server.should_exit = True
    await task


@dataclass
class Setting:
    bench: GraphBench
    subscriber: Subscriber
    clock: ManualClock
    ledger: MemoryLedger = field(default_factory=MemoryLedger)

    async def keep(self, **how: bool) -> None:
        subscription = GraphSubscription(
            self.bench.mail,
            self.ledger,
            url=self.subscriber.url,
            secret=SECRET,
            clock=self.clock,
        )
        await subscription.keep(**how)

    @property
    def open(self) -> dict[str, dict[str, Any]]:
        return self.bench.graph.subscriptions.open


@pytest.fixture
async def setting() -> AsyncGenerator[Setting]:
    subscriber = Subscriber()
    async with graph_bench() as bench, serving(subscriber):
        clock = ManualClock(datetime.now(UTC))  # the fake checks how long it lasts
        yield Setting(bench=bench, subscriber=subscriber, clock=clock)


async def test_a_new_mail_makes_us_look(setting: Setting) -> None:
    await setting.keep()
    message = setting.bench.graph.mailbox.deliver(b"mail")
    assert await setting.bench.graph.subscriptions.tell(message) == [202]
    assert setting.subscriber.happened == ["look"]


@pytest.mark.parametrize(
    ("event", "happened"),
    [
        ("missed", ["look"]),
        ("reauthorizationRequired", ["renew", "look"]),
        ("subscriptionRemoved", ["renew", "look"]),
    ],
)
async def test_a_lifecycle_event_makes_us_look_and_renew_where_it_must_be(
    setting: Setting, event: str, happened: list[str]
) -> None:
    await setting.keep()
    assert await setting.bench.graph.subscriptions.tell_lifecycle(event) == [202]
    assert setting.subscriber.happened == happened


async def test_a_subscription_is_made_once_and_renewed_when_half_its_time_is_over(
    setting: Setting,
) -> None:
    await setting.keep()
    (first,) = setting.open.values()
    until = first["expirationDateTime"]
    await setting.keep()
    assert len(setting.bench.graph.calls) == 1
    setting.clock.advance(days=1.6)
    await setting.keep()
    (renewed,) = setting.open.values()
    assert renewed["id"] == first["id"]
    assert renewed["expirationDateTime"] > until


async def test_a_subscription_that_is_gone_is_made_again(setting: Setting) -> None:
    await setting.keep()
    setting.open.clear()
    await setting.keep(renew=True)
    assert len(setting.open) == 1


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.THROTTLED])
async def test_a_graph_that_does_not_take_subscriptions_only_leaves_us_without(
    setting: Setting, kind: FaultKind
) -> None:
    setting.bench.graph.faults.append(Fault(kind=kind))
    await setting.keep()
    assert setting.open == {}
    await setting.keep()
    assert len(setting.open) == 1


async def test_an_address_that_does_not_echo_gets_no_subscription(setting: Setting) -> None:
    setting.subscriber.url = setting.subscriber.url.replace("/notifications", "/elsewhere")
    await setting.keep()
    assert setting.open == {}


async def test_notifications_without_our_secret_lead_to_nothing(setting: Setting) -> None:
    async with httpx.AsyncClient() as client:
        for state in ("guessed", None, 7, "ø"):
            body = {"value": [{"clientState": state, "lifecycleEvent": "subscriptionRemoved"}]}
            answer = await client.post(setting.subscriber.url, json=body)
            assert answer.status_code == 202
    assert setting.subscriber.happened == []


async def test_what_is_no_notification_is_refused(setting: Setting) -> None:
    async with httpx.AsyncClient() as client:
        for body in (b"", b"[]", b'{"value": 1}', b'{"value": [1]}', b"\xff"):
            assert (await client.post(setting.subscriber.url, content=body)).status_code == 400
        large = await client.post(setting.subscriber.url, content=bytes(300_000))
        assert large.status_code == 413


async def test_the_handshake_echoes_plain_text_and_no_more_than_a_token(setting: Setting) -> None:
    async with httpx.AsyncClient() as client:
        token = {"validationToken": "<script>" + "x" * 9000}
        answer = await client.post(setting.subscriber.url, params=token)
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.text) == 4096


def test_one_of_ours_among_others_counts() -> None:
    body = b'{"value": [{"clientState": "x"}, {"clientState": "nobody knows"}]}'
    assert read_news(body, secret=SECRET) == News(look=True)


@pytest.mark.parametrize("secret", ["", "x" * 129])
def test_a_door_needs_a_secret_that_graph_takes(secret: str) -> None:
    subscriber = Subscriber()
    with pytest.raises(SettingsError, match="MAIL_INGEST_GRAPH_NOTIFICATION_SECRET"):
        NotificationDoor(secret, look=subscriber.look, renew=subscriber.renew)
