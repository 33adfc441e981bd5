"""Completed submissions on a topic: which desk gets which."""

from __future__ import annotations

import gc
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from azure.servicebus import ServiceBusReceivedMessage, ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient

from adapters.azure.topic_publisher import ServiceBusTopicPublisher
from shared.events import ACCEPTED, COMPLETED
from shared.model import CloudEvent
from shared.settings.azure import ServiceBusSettings
from tests.fakes.service_bus.broker import Broker, Entities, broker
from tests.fakes.service_bus.topic import CorrelationFilter

EVENT = CloudEvent(
    id="submission.completed.v1:mail-1",
    source="/mail_ingest",
    type=COMPLETED,
    subject="submissions/mail-1",
    time="2026-11-24T12:00:00.125Z",
    data={"status": "completed", "categories": [{"code": "medtop:15000000", "name": "sport"}]},
)
ESCALATED = replace(EVENT, id="2", subject="submissions/http-2", data={"status": "escalated"})
DESKS = {
    "all": CorrelationFilter(),
    "sport": CorrelationFilter(application_properties={"medtop_15000000": "yes"}),
    "waiting": CorrelationFilter(
        properties={"subject": COMPLETED}, application_properties={"status": "escalated"}
    ),
}

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def collected() -> Generator[None]:
    """The SDK leaves the sockets of connections that broke to the garbage collector."""
    yield
    gc.collect()


async def received(running: Broker, desk: str) -> list[ServiceBusReceivedMessage]:
    async with (
        ServiceBusClient.from_connection_string(running.connection_string) as client,
        client.get_subscription_receiver(
            "done", desk, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
        ) as link,
    ):
        return await link.receive_messages(10, max_wait_time=1)


def events(messages: list[ServiceBusReceivedMessage]) -> list[CloudEvent]:
    bodies: list[Any] = [b"".join(message.body) for message in messages]
    return [msgspec.json.decode(body, type=CloudEvent) for body in bodies]


async def test_every_desk_gets_what_its_filter_lets_through() -> None:
    async with broker(Entities(topics={"done": DESKS})) as running:
        settings = ServiceBusSettings(connection_string=running.connection_string, topic="done")
        publisher = ServiceBusTopicPublisher.open(settings)
        for event in (EVENT, ESCALATED, replace(EVENT, id="3", type=ACCEPTED)):
            await publisher.publish(event)
        await publisher.close()

        assert events(await received(running, "all")) == [EVENT, ESCALATED]
        assert events(await received(running, "sport")) == [EVENT]
        (message,) = await received(running, "waiting")

    assert message.message_id == "/mail_ingest#2"
    assert message.subject == COMPLETED
    assert message.content_type == "application/cloudevents+json"


async def test_an_outcome_that_is_too_large_is_told_by_its_blob() -> None:
    large = replace(EVENT, data={**EVENT.data, "media": ["x" * 300_000]})
    async with broker(Entities(topics={"done": {"all": CorrelationFilter()}})) as running:
        settings = ServiceBusSettings(connection_string=running.connection_string, topic="done")
        publisher = ServiceBusTopicPublisher.open(settings)
        await publisher.publish(large)
        await publisher.close()

        (event,) = events(await received(running, "all"))

    assert event.data["blob"] == "submissions/mail-1/outcome.json"
