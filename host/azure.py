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
from host.lazy import close_in_time, close_opened, lazily
from host.logic_app import LogicApp
from host.services import Services, Stores
from host.telemetry import trace_share
from host.wake_up import WakeUp
from shared.tracing import NO_TELEMETRY
from shared.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from azure.core.credentials_async import AsyncTokenCredential

    from adapters.azure.blob_store import AzureBlobStore
    from adapters.azure.description_jobs import PlacedJobs
    from adapters.azure.graph_client import GraphClient
    from adapters.azure.graph_mail import GraphMail
    from adapters.azure.graph_subscription import GraphSubscription
    from adapters.azure.inline_jobs import InlineJobs
    from adapters.azure.intake_journal import TableIntakeJournal
    from adapters.azure.submission_index import TableSubmissionIndex
    from adapters.azure.tables import Tables
    from adapters.azure.work_queue import ServiceBusWorkQueue
    from adapters.web.webhook import WebhookSender
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


async def _nothing_to_close() -> None:
    """For parts that somebody else has opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureParts:
    """The ports on Azure. `uploads` lets clients upload past us, `mailbox` is there where one is
    polled, `mailboxes` are those whose mails may be handed in by reference, by the `logic_app` if
    there is one. `close` lets go of all that was opened, in some seconds, whatever hangs.
    """

    services: Services
    jobs: OpenJobs
    close: Callable[[], Awaitable[None]] = _nothing_to_close
    uploads: DirectUploads | None = None
    mailbox: Mailbox | None = None
    mailboxes: Mapping[str, FetchByReference] = field(default_factory=dict[str, "FetchByReference"])
    logic_app: LogicApp | None = None
    keep_instances_days: float = 30.0
    wake_up: WakeUp | None = None  # where Graph is to tell of new mail


def build(settings: Settings, azure: AzureSettings) -> AzureParts:
    """Every port. Raises SettingsError for what can be known without looking at Azure."""
    trace_share(settings.telemetry)  # else each step would stumble over it
    ports = _Ports(settings, azure)
    stores = Stores(
        clock=ports.clock,
        blobs=ports.blobs,
        queue=ports.queue,
        index=lazily(ports.open_index),
        publisher=ports.publisher,
        replies=lazily(ports.open_replies),
        telemetry=ports.telemetry,
        turns=Turns(lazily(ports.open_journal), ports.clock),
    )
    logic_app = LogicApp.read(azure)
    addresses = {azure.graph.mailbox, logic_app.mailbox if logic_app else ""} - {""}
    return AzureParts(
        keep_instances_days=azure.history.keep_days,
        services=Services(stores=stores, jobs=ports.jobs, provider=ports.describers.provider),
        jobs=ports.jobs,
        close=ports.close,
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


async def sign_out() -> None:
    """Let go of what the identity holds open, if anybody has asked for it."""
    if identity.cache_info().currsize:
        await identity().close()
        identity.cache_clear()


class _Ports:
    """How each port is opened. Those that others stand on, or that must be closed, are there,
    unopened.
    """

    def __init__(self, settings: Settings, azure: AzureSettings) -> None:
        self._settings = settings
        self._azure = azure
        self.clock = SystemClock()
        self.describers = Describers.read(settings)
        self.blobs = lazily(self._open_blobs)
        self.queue = lazily(self._open_queue)
        self.publisher = lazily(self._open_publisher)
        self.jobs = lazily(self._open_jobs)
        self.telemetry = lazily(self._open_telemetry)
        self._tables = lazily(self._open_tables)
        self._graph = lazily(self._open_graph)
        self._mail = lazily(self._open_mail)
        self._webhooks = lazily(self._open_webhooks)

    async def close(self) -> None:
        """First what may still have something to say, then what it says it by, then who says it;
        telemetry goes last, and takes along what the others have logged.
        """
        await close_opened(self.jobs, self.queue, self.publisher)
        await close_opened(self._graph, self._tables, self.blobs)
        await close_in_time(sign_out)
        await close_opened(self.telemetry)

    def _open_blobs(self) -> AzureBlobStore:
        from adapters.azure.blob_store import AzureBlobStore

        return AzureBlobStore.open(self._azure.storage, self.clock, credential=identity())

    def open_uploads(self) -> DirectUploads:
        return self.blobs.direct_uploads()

    def _open_tables(self) -> Tables:
        from adapters.azure.tables import Tables

        return Tables.open(self._azure.storage, credential=identity())

    def _open_queue(self) -> ServiceBusWorkQueue:
        from adapters.azure.work_queue import ServiceBusWorkQueue

        return ServiceBusWorkQueue.open(self._azure.service_bus, credential=identity())

    def open_index(self) -> TableSubmissionIndex:
        from adapters.azure.submission_index import TableSubmissionIndex

        return TableSubmissionIndex(self._tables, self.clock)

    def open_journal(self) -> TableIntakeJournal:
        from adapters.azure.intake_journal import TableIntakeJournal

        return TableIntakeJournal(self._tables.table("Intakes"))

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

    def _open_jobs(self) -> InlineJobs | PlacedJobs:
        from host.azure_jobs import description_jobs

        return description_jobs(
            self._azure.jobs,
            self.describers,
            self.blobs,
            self.publisher,
            self.clock,
            identity,
            self.telemetry,
        )

    def _open_graph(self) -> GraphClient:
        from host.azure_mail import graph_client

        return graph_client(self._azure.graph, identity())

    def _open_mail(self) -> GraphMail:
        from adapters.azure.graph_mail import GraphMail

        return GraphMail(self._graph, self._azure.graph.mailbox)

    def open_mailbox(self) -> Mailbox:
        from host.azure_mail import graph_mailbox

        return graph_mailbox(
            self._azure.graph,
            self._mail,
            self._tables,
            self.clock,
            max_attempts=self._settings.intake.poll_max_attempts,
        )

    def open_subscription(self) -> GraphSubscription:
        from host.azure_mail import graph_subscription

        return graph_subscription(self._azure.graph, self._mail, self._tables, self.clock)

    def open_replies(self) -> ReplyChannel:
        from host.azure_mail import graph_replies

        mail, answer = self._mail if self._azure.graph.mailbox else None, self._settings.answer
        return graph_replies(answer, mail, self._webhooks, self.blobs, self._tables, self.clock)

    def _open_webhooks(self) -> WebhookSender:
        from host.azure_mail import webhooks

        return webhooks(self._settings.answer, self.clock)

    async def fetch(self, address: str, reference: MailReference) -> AsyncGenerator[bytes] | None:
        """The mail of a mailbox that a reference leads to."""
        from host.azure_mail import graph_fetch

        return await graph_fetch(self._graph, address)(reference)

    def _open_telemetry(self) -> Telemetry:
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
