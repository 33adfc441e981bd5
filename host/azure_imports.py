"""What the ports of Azure import when they are first used, for programs that run for long: they
import it before they take anything, so that no request waits for it later. A test holds the list
to what is still imported afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.settings.azure import AzureSettings

_ALWAYS = (
    *("adapters.azure.blob_store", "azure.storage.blob.aio"),
    *("adapters.azure.submission_index", "adapters.azure.intake_journal", "azure.data.tables.aio"),
    *("adapters.azure.work_queue", "azure.servicebus.aio"),
    *("adapters.azure.event_publisher", "azure.eventgrid.aio"),
    *("azure.identity.aio", "aiohttp"),
    *("durabletask.azuremanaged.client", "durabletask.azuremanaged.worker"),
    *("host.azure_jobs", "host.azure_mail", "jinja2", "httpcore"),
    "anyio._backends._asyncio",  # what httpcore speaks by
)
_MAILBOX = "msgraph.generated.users.item"
_GRAPH = (
    *("msgraph.graph_request_adapter", "msgraph.graph_service_client", "msgraph_core"),
    f"{_MAILBOX}.mail_folders.item.messages.delta.delta_request_builder",
    f"{_MAILBOX}.messages.item.message_item_request_builder",
    f"{_MAILBOX}.messages.item.move.move_request_builder",
    f"{_MAILBOX}.messages.item.send.send_request_builder",
    f"{_MAILBOX}.user_item_request_builder",
    "kiota_authentication_azure.azure_identity_authentication_provider",
    "kiota_http.middleware.options",
)
_JOBS = {
    "container_instances": ("azure.mgmt.containerinstance.aio",),
    "container_apps": ("azure.mgmt.appcontainers.aio",),
}
_TOPIC = ("adapters.azure.topic_publisher", "adapters.web.event_fan_out")
_MONITOR = ("adapters.azure.telemetry", "azure.monitor.opentelemetry")


def late_imports(azure: AzureSettings) -> Iterator[str]:
    """The modules that these settings make anybody import."""
    yield from _ALWAYS
    yield from _JOBS.get(azure.jobs.placement, ())
    if azure.graph.mailbox or azure.logic_app.principal:
        yield from _GRAPH
    if azure.service_bus.topic:
        yield from _TOPIC
    if azure.monitor.connection_string:
        yield from _MONITOR
