"""Completed submissions on a topic of Service Bus, so that several desks can subscribe.

A message is the event in structured JSON (CloudEvents AMQP binding, section 3.2). Its subject is
the event's type, and its application properties are what a subscription's filter can ask for:
``status``, ``source`` (mail, http, ...), and ``medtop_04000000`` = ``yes`` for each category.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Self

from adapters.azure.event_size import fitted
from adapters.azure.queue_sender import OpenSender
from adapters.azure.service_bus import MOST_MESSAGE_BYTES, service_bus_client
from shared import events
from shared.codec import to_json
from shared.tracing import TRACEPARENT

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.servicebus import ServiceBusMessage
    from azure.servicebus.aio import ServiceBusClient

    from shared.model import CloudEvent
    from shared.settings.azure import ServiceBusSettings

TOLD = frozenset({events.COMPLETED, events.REVISED})
_MOST_EVENT_BYTES = MOST_MESSAGE_BYTES - 16 * 1024  # the rest is for properties
_LONGEST_ID = 128  # characters of a message ID


class ServiceBusTopicPublisher:
    """Publishes the events that desks wait for, and leaves out all others."""

    def __init__(self, client: ServiceBusClient, topic: str) -> None:
        self._sender = OpenSender(topic, lambda: client.get_topic_sender(topic))

    @classmethod
    def open(
        cls, settings: ServiceBusSettings, *, credential: AsyncTokenCredential | None = None
    ) -> Self:
        """The topic that the settings name; connects when it is used. Raises SettingsError."""
        return cls(service_bus_client(settings, credential), settings.topic)

    async def publish(self, event: CloudEvent) -> None:
        """Publish; durable on return. The same (source, id) again is ignored, for as long as the
        topic remembers it. Raises ServiceUnavailableError and StorageFullError.
        """
        if event.type in TOLD:
            await self._sender.send(_message(event))

    async def close(self) -> None:
        """Send what waits, and close the link."""
        await self._sender.close()


def _message(event: CloudEvent) -> ServiceBusMessage:
    from azure.servicebus import ServiceBusMessage

    return ServiceBusMessage(
        to_json(fitted(event, _MOST_EVENT_BYTES)),
        message_id=_message_id(event),
        subject=event.type,
        content_type="application/cloudevents+json",
        application_properties=_properties(event),
    )


def _message_id(event: CloudEvent) -> str:
    identity = f"{event.source}#{event.id}"
    if len(identity) <= _LONGEST_ID:
        return identity
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()


def _properties(event: CloudEvent) -> dict[str | bytes, Any]:
    submission_id = event.subject.rpartition("/")[2]
    properties: dict[str | bytes, Any] = {
        "status": str(event.data.get("status", "")),
        "source": submission_id.partition("-")[0],
    }
    if event.traceparent:
        properties[TRACEPARENT] = event.traceparent
    for category in event.data.get("categories", ()):
        properties[str(category["code"]).replace(":", "_")] = "yes"
    return properties
