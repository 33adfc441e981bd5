"""The EventPublisher port on Event Grid: CloudEvents to a topic, or to a topic of a namespace.

Event Grid keeps an event before it answers, and delivers it at least once. The identity needs the
role EventGrid Data Sender.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from adapters.azure.errors import azure_errors_translated
from adapters.azure.event_size import fitted
from shared.codec import to_payload
from shared.errors import SettingsError

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.eventgrid.aio import EventGridPublisherClient

    from shared.model import CloudEvent, JsonObject
    from shared.settings.azure import EventGridSettings

SERVICE = "Azure Event Grid"
_MOST_BYTES = 330_000  # of 1 MB: the SDK writes letters beyond ASCII three times as long
_PATIENCE: dict[str, Any] = {
    "connection_timeout": 10,
    "read_timeout": 30,
    "retry_total": 3,
    "retry_backoff_factor": 0.4,  # tries again after 0, 0.8 and 1.6 s
}


class EventGridPublisher:
    """Publishes each event in a request of its own; many may be under way at a time."""

    def __init__(self, client: EventGridPublisherClient) -> None:
        self._client: Any = client  # it is half typed

    @classmethod
    def open(
        cls, settings: EventGridSettings, *, credential: AsyncTokenCredential | None = None
    ) -> Self:
        """The topic that the settings name; connects when it is used. Raises SettingsError."""
        from azure.core.credentials import AzureKeyCredential
        from azure.eventgrid.aio import EventGridPublisherClient

        if not settings.url:
            raise SettingsError("MAIL_INGEST_EVENT_GRID_URL", "it is not set.")
        identity = AzureKeyCredential(settings.key) if settings.key else credential
        if identity is None:
            raise SettingsError("MAIL_INGEST_EVENT_GRID_KEY", "there is neither key nor identity.")
        topic = settings.namespace_topic or None
        client = EventGridPublisherClient(
            settings.url, identity, namespace_topic=topic, **_PATIENCE
        )
        return cls(client)

    async def publish(self, event: CloudEvent) -> None:
        """Publish; durable on return. The same (source, id) again is delivered again, which every
        handler must bear. Raises ServiceUnavailableError.
        """
        with azure_errors_translated(SERVICE):
            await self._client.send([_attributes(fitted(event, _MOST_BYTES))])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _attributes(event: CloudEvent) -> JsonObject:
    """The event as JSON; an attribute that is not there is left out."""
    return {name: value for name, value in to_payload(event).items() if value is not None}
