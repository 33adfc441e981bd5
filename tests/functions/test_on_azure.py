"""The Functions app on the ports of Azure: real SDKs, over sockets, to emulators and fakes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
from standardwebhooks import Webhook

from shared.events import COMPLETED, DESCRIBED
from tests.fakes.event_grid.deliveries import Subscription
from tests.fakes.event_grid.schedule import Schedule
from tests.fakes.event_grid.topic import KEY, Topic, topic
from tests.fakes.graph import FakeGraph, fake_graph
from tests.support.functions_process import (
    PHOTO,
    SECRET,
    SETTINGS,
    FunctionsProcess,
    is_done,
    post_form,
)
from tests.support.graph import ADDRESS, TOKEN
from tests.support.mails import mail, photo
from tests.support.service_bus import ServiceBusProcess
from tests.support.third_party_server import GOOD, json_reply, third_party_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.azurite import Azurite
    from tests.support.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The services, and the app on them."""

    app: FunctionsProcess
    graph: FakeGraph
    events: Topic
    subscription: Subscription


@pytest.fixture
def service_bus(tmp_path: Path) -> Iterator[ServiceBusProcess]:
    broker = ServiceBusProcess(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def describer_settings() -> Iterator[Mapping[str, str]]:
    with third_party_server(json_reply(GOOD)) as describer:
        yield {
            "MAIL_INGEST_DESCRIBER": "third_party",
            "MAIL_INGEST_THIRD_PARTY_URL": describer.url,
            "MAIL_INGEST_THIRD_PARTY_AUTH": "none",
            "MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP": "1",
        }


@pytest.fixture
async def cloud(
    azurite: Azurite,
    service_bus: ServiceBusProcess,
    describer_settings: Mapping[str, str],
    functions_program: tuple[str, Mapping[str, str]],
    tmp_path: Path,
) -> AsyncGenerator[Cloud]:
    storage = azurite.settings()
    program, of_the_program = functions_program
    async with fake_graph(token=TOKEN) as graph, topic(Schedule(scale=0.01)) as events:
        settings = {**SETTINGS, **describer_settings, **of_the_program} | {
            "MAIL_INGEST_STORAGE_CONNECTION_STRING": storage.connection_string,
            "MAIL_INGEST_BLOB_CONTAINER": storage.container,
            "MAIL_INGEST_TABLE_PREFIX": storage.table_prefix,
            "ServiceBusConnection": service_bus.connection_string,
            "MAIL_INGEST_EVENT_GRID_URL": f"{events.url}/api/events",
            "MAIL_INGEST_EVENT_GRID_KEY": KEY,
            "MAIL_INGEST_GRAPH_URL": graph.url,
            "MAIL_INGEST_GRAPH_MAILBOX": ADDRESS,
            "MAIL_INGEST_FROM_ADDRESS": ADDRESS,
            "MAIL_INGEST_DESCRIBER_WORKERS": "1",
        }
        app = FunctionsProcess(tmp_path, settings, program=program)
        await asyncio.to_thread(_start, app)
        url = f"{app.url}/runtime/webhooks/eventgrid?functionName=described"
        subscription = Subscription(url=url, types=frozenset({DESCRIBED}))
        await events.subscribe(subscription)
        try:
            yield Cloud(app=app, graph=graph, events=events, subscription=subscription)
        finally:
            await asyncio.to_thread(app.kill)


def _start(app: FunctionsProcess) -> None:
    app.start()
    app.wait_until_ready()


async def until(look: Callable[[], object], *, within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not look():
            await asyncio.sleep(0.05)


async def test_a_form_ends_in_a_signed_webhook(cloud: Cloud, webhooks: Webhooks) -> None:
    status_url = await asyncio.to_thread(post_form, cloud.app, webhooks.url)
    await until(lambda: webhooks.calls)
    outcome = Webhook(SECRET).verify(webhooks.calls[0].body, webhooks.calls[0].headers)
    assert outcome["media"][0]["description"]["caption"]["text"] == "A cat on a sofa."
    while not await asyncio.to_thread(is_done, status_url):
        await asyncio.sleep(0.05)
    assert COMPLETED in {event["type"] for event in cloud.events.published}


async def test_an_event_that_comes_twice_changes_nothing(cloud: Cloud, webhooks: Webhooks) -> None:
    status_url = await asyncio.to_thread(post_form, cloud.app, webhooks.url)
    while not await asyncio.to_thread(is_done, status_url):
        await asyncio.sleep(0.05)
    deliveries = cloud.events.deliveries
    deliveries.start(cloud.subscription, cloud.events.published)
    await deliveries.settled()
    assert (len(webhooks.calls), deliveries.dead) == (1, [])


async def test_a_mail_in_the_mailbox_is_answered_in_its_thread(cloud: Cloud) -> None:
    cloud.graph.mailbox.deliver(mail(photo(PHOTO)))
    await asyncio.to_thread(cloud.app.fire, "poll_mailbox")
    await until(lambda: cloud.graph.sent)
    assert len(cloud.graph.mailbox.folder("Processed")) == 1
    await asyncio.to_thread(cloud.app.fire, "poll_mailbox")
    await asyncio.to_thread(cloud.app.fire, "look_after_jobs")
    await asyncio.to_thread(cloud.app.fire, "put_failed_aside")
    await asyncio.to_thread(cloud.app.fire, "queue_forgotten")
    assert len(cloud.graph.sent) == 1


async def test_the_app_is_ready_when_the_index_answers(cloud: Cloud) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        ready = await client.get(f"{cloud.app.url}/health/ready")
    assert (ready.status_code, json.loads(ready.content)["ready"]) == (200, True)
