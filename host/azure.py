"""The choice of every port on Azure, on one page.

A port is opened, and its SDK imported, when it is first used: a Functions app is started anew for
every burst of work, and its first answer must not wait for what it does not need.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Protocol

from adapters.clock import SystemClock
from host.describers import Describers
from host.lazy import lazily
from host.logic_app import LogicApp
from host.services import Services, Stores
from host.telemetry import trace_share
from host.wake_up import WakeUp
from shared.tracing import NO_TELEMETRY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from azure.core.credentials_async import AsyncTokenCredential

    from adapters.azure.blob_store import AzureBlobStore
    from adapters.azure.description_jobs import PlacedJobs
    from adapters.azure.graph_client import GraphClient
    from adapters.azure.graph_mail import GraphMail
    from adapters.azure.graph_subscription import GraphSubscription
    from adapters.azure.inline_jobs import InlineJobs
    from adapters.azure.submission_index import TableSubmissionIndex
    from adapters.azure.tables import Tables
    from adapters.azure.work_queue import ServiceBusWorkQueue
    from http_intake.doors import FetchByReference, MailReference
    from mail_ingest.ports import Mailbox
    from shared.ports import DirectUploads, EventPublisher, ReplyChannel, Telemetry
    from shared.settings import Settings
    from shared.settings.azure import AzureSettings


class OpenJobs(Protocol):
    """Description jobs that somebody must look after from time to time."""

    async def tick(self) -> object:
        """Look after all that is open, once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureParts:
    """The ports on Azure. `uploads` lets clients upload past us, `mailbox` is there where one is
    polled, `mailboxes` are those whose mails may be handed in by reference, by the `logic_app` if
    there is one.
    """

    services: Services
    jobs: OpenJobs
    uploads: DirectUploads | None = None
    mailbox: Mailbox | None = None
    mailboxes: Mapping[str, FetchByReference] = field(default_factory=dict[str, "FetchByReference"])
    logic_app: LogicApp | None = None
    wake_up: WakeUp | None = None  # where Graph is to tell of new mail


def build(settings: Settings, azure: AzureSettings) -> AzureParts:
    """Every port. Raises SettingsError for what can be known without looking at Azure."""
    ports = _Ports(settings, azure)
    stores = Stores(
        clock=ports.clock,
        blobs=ports.blobs,
        queue=lazily(ports.open_queue),
        index=lazily(ports.open_index),
        publisher=ports.publisher,
        replies=lazily(ports.open_replies),
        telemetry=lazily(ports.open_telemetry),
    )
    jobs = lazily(ports.open_jobs)
    logic_app = LogicApp.read(azure)
    addresses = {azure.graph.mailbox, logic_app.mailbox if logic_app else ""} - {""}
    return AzureParts(
        services=Services(stores=stores, jobs=jobs, provider=ports.describers.provider),
        jobs=jobs,
        uploads=lazily(ports.open_uploads),
        mailbox=lazily(ports.open_mailbox) if azure.graph.mailbox else None,
        mailboxes={address.lower(): partial(ports.fetch, address) for address in addresses},
        logic_app=logic_app,
        wake_up=WakeUp.read(azure.graph, lazily(ports.open_subscription)),
    )


@cache
def identity() -> AsyncTokenCredential:
    """Who we are: a managed identity, a workload identity, or whatever else azure-identity finds in
    the environment.
    """
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential()


class _Ports:
    """How each port is opened; those that others stand on are there, unopened."""

    def __init__(self, settings: Settings, azure: AzureSettings) -> None:
        self._settings = settings
        self._azure = azure
        self.clock = SystemClock()
        self.describers = Describers.read(settings)
        self.blobs = lazily(self._open_blobs)
        self.publisher = lazily(self._open_publisher)
        self._tables = lazily(self._open_tables)
        self._graph = lazily(self._open_graph)
        self._mail = lazily(self._open_mail)

    def _open_blobs(self) -> AzureBlobStore:
        from adapters.azure.blob_store import AzureBlobStore

        return AzureBlobStore.open(self._azure.storage, self.clock, credential=identity())

    def open_uploads(self) -> DirectUploads:
        return self.blobs.direct_uploads()

    def _open_tables(self) -> Tables:
        from adapters.azure.tables import Tables

        return Tables.open(self._azure.storage, credential=identity())

    def open_queue(self) -> ServiceBusWorkQueue:
        from adapters.azure.work_queue import ServiceBusWorkQueue

        return ServiceBusWorkQueue.open(self._azure.service_bus, credential=identity())

    def open_index(self) -> TableSubmissionIndex:
        from adapters.azure.submission_index import TableSubmissionIndex

        return TableSubmissionIndex(self._tables, self.clock)

    def _open_publisher(self) -> EventPublisher:
        from adapters.azure.event_publisher import EventGridPublisher
        from adapters.azure.topic_publisher import ServiceBusTopicPublisher
        from adapters.web.event_fan_out import EventFanOut

        azure = self._azure
        events = EventGridPublisher.open(azure.event_grid, credential=identity())
        if not azure.service_bus.topic:
            return events
        topic = ServiceBusTopicPublisher.open(azure.service_bus, credential=identity())
        return EventFanOut([events, topic])

    def open_jobs(self) -> InlineJobs | PlacedJobs:
        from host.azure_jobs import description_jobs

        return description_jobs(
            self._azure.jobs, self.describers, self.blobs, self.publisher, self.clock, identity
        )

    def _open_graph(self) -> GraphClient:
        from host.azure_mail import graph_client

        return graph_client(self._azure.graph, identity())

    def _open_mail(self) -> GraphMail:
        from adapters.azure.graph_mail import GraphMail

        return GraphMail(self._graph, self._azure.graph.mailbox)

    def open_mailbox(self) -> Mailbox:
        from host.azure_mail import graph_mailbox

        return graph_mailbox(self._azure.graph, self._mail, self._tables, self.clock)

    def open_subscription(self) -> GraphSubscription:
        from host.azure_mail import graph_subscription

        return graph_subscription(self._azure.graph, self._mail, self._tables, self.clock)

    def open_replies(self) -> ReplyChannel:
        from host.azure_mail import graph_replies

        mail = self._mail if self._azure.graph.mailbox else None
        return graph_replies(self._settings, mail, self.blobs, self._tables, self.clock)

    async def fetch(self, address: str, reference: MailReference) -> AsyncGenerator[bytes] | None:
        """The mail of a mailbox that a reference leads to."""
        from host.azure_mail import graph_fetch

        return await graph_fetch(self._graph, address)(reference)

    def open_telemetry(self) -> Telemetry:
        monitor = self._azure.monitor
        if not monitor.connection_string:
            return NO_TELEMETRY
        from adapters.azure.telemetry import AzureMonitorTelemetry

        return AzureMonitorTelemetry.open(
            monitor.connection_string,
            service_name=self._settings.telemetry.service_name,
            trace_share=trace_share(self._settings.telemetry),
            live_metrics=monitor.live_metrics,
        )
