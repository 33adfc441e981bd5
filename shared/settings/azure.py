"""Settings of the Azure platform. Where Azure has a name of its own for a setting, that name is
kept.

Identities are azure-identity's (managed identity, workload identity, client secret): there is no
account key by default. A connection string is for emulators and for the Functions host's own
storage.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from shared.config import read_settings, setting
from shared.settings.azure_jobs import JobSettings
from shared.settings.azure_mail import GraphSettings, LogicAppSettings
from shared.settings.azure_observed import HistorySettings, MonitorSettings, SchedulerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Blob Storage and Table Storage."""

    blob_url: str = setting(
        "MAIL_INGEST_BLOB_URL",
        "",
        unit="URL",
        example="https://newsroom.blob.core.windows.net",
        meaning="The blob endpoint of the storage account.",
    )
    table_url: str = setting(
        "MAIL_INGEST_TABLE_URL",
        "",
        unit="URL",
        example="https://newsroom.table.core.windows.net",
        meaning="The table endpoint of the storage account.",
    )
    container: str = setting(
        "MAIL_INGEST_BLOB_CONTAINER",
        "mail-ingest",
        unit="name",
        example="submissions",
        meaning="The container that holds everything.",
    )
    blob_tags: bool = setting(
        "MAIL_INGEST_BLOB_TAGS",
        True,
        unit="yes or no",
        example="0",
        meaning=(
            "Tag each blob kind=original, media or record, for lifecycle rules. It takes the role"
            " Storage Blob Data Owner, and an account without hierarchical namespace."
        ),
    )
    table_prefix: str = setting(
        "MAIL_INGEST_TABLE_PREFIX",
        "mailingest",
        unit="letters and digits",
        example="newsroom",
        meaning="What the names of our tables begin with.",
    )
    connection_string: str = setting(
        "MAIL_INGEST_STORAGE_CONNECTION_STRING",
        "",
        unit="connection string",
        example="UseDevelopmentStorage=true",
        meaning="Instead of the URLs and an identity: for emulators.",
        secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBusSettings:
    """Service Bus."""

    namespace: str = setting(
        "ServiceBusConnection__fullyQualifiedNamespace",
        "",
        unit="host",
        example="newsroom.servicebus.windows.net",
        meaning="The namespace; the Functions trigger reads the same setting.",
    )
    connection_string: str = setting(
        "ServiceBusConnection",
        "",
        unit="connection string",
        example="Endpoint=sb://127.0.0.1:5672;...",
        meaning="Instead of the namespace and an identity: for emulators.",
        secret=True,
    )
    queue: str = setting(
        "MAIL_INGEST_QUEUE",
        "submissions",
        unit="name",
        example="submissions",
        meaning="The queue of accepted submissions.",
    )
    topic: str = setting(
        "MAIL_INGEST_TOPIC",
        "",
        unit="name",
        example="submission-completed",
        meaning="The topic that completed submissions are told on; empty: none.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventGridSettings:
    """Event Grid. Events are published as CloudEvents 1.0."""

    url: str = setting(
        "MAIL_INGEST_EVENT_GRID_URL",
        "",
        unit="URL",
        example="https://newsroom.westeurope-1.eventgrid.azure.net/api/events",
        meaning=(
            "The endpoint of a topic, or of a namespace. It must be set: without it no container"
            " starts, and a Functions app takes submissions, says that it is not ready, and"
            " completes none."
        ),
    )
    namespace_topic: str = setting(
        "MAIL_INGEST_EVENT_GRID_TOPIC",
        "",
        unit="name",
        example="submissions",
        meaning="The topic in a namespace; empty: the URL is that of a topic of its own.",
    )
    key: str = setting(
        "MAIL_INGEST_EVENT_GRID_KEY",
        "",
        unit="key",
        example="c2VjcmV0",
        meaning="Instead of an identity: for emulators.",
        secret=True,
    )
    delivery_key: str = setting(
        "MAIL_INGEST_EVENT_GRID_DELIVERY_KEY",
        "",
        unit="key",
        example="zGg1...",
        meaning=(
            "What Event Grid sends with each delivery to a container: in X-Delivery-Key (a delivery"
            " property of the subscription), or, from a topic in a namespace, in the URL"
            " (`?delivery-key=`); empty: no deliveries are taken."
        ),
        secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionsSettings:
    """The Functions app: when its timers fire."""

    poll_schedule: str = setting(
        "MAIL_INGEST_POLL_SCHEDULE",
        "*/30 * * * * *",
        unit="NCRONTAB with seconds",
        example="0 * * * * *",
        meaning="When a Functions app looks into the mailbox.",
    )
    jobs_schedule: str = setting(
        "MAIL_INGEST_JOBS_SCHEDULE",
        "*/30 * * * * *",
        unit="NCRONTAB with seconds",
        example="*/10 * * * * *",
        meaning="When a Functions app looks after description jobs.",
    )
    sweep_schedule: str = setting(
        "MAIL_INGEST_SWEEP_SCHEDULE",
        "0 */10 * * * *",
        unit="NCRONTAB with seconds",
        example="0 0 * * * *",
        meaning="When a Functions app puts failed submissions aside, for people to see.",
    )
    repair_schedule: str = setting(
        "MAIL_INGEST_REPAIR_SCHEDULE",
        "0 */10 * * * *",
        unit="NCRONTAB with seconds",
        example="0 0 * * * *",
        meaning="When a Functions app queues submissions whose intake a crash cut short.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings:
    """All of them. Each group is read from the environment like every other setting."""

    storage: StorageSettings = field(default_factory=StorageSettings)
    service_bus: ServiceBusSettings = field(default_factory=ServiceBusSettings)
    event_grid: EventGridSettings = field(default_factory=EventGridSettings)
    graph: GraphSettings = field(default_factory=GraphSettings)
    functions: FunctionsSettings = field(default_factory=FunctionsSettings)
    logic_app: LogicAppSettings = field(default_factory=LogicAppSettings)
    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    scheduler: SchedulerSettings = field(default_factory=SchedulerSettings)
    jobs: JobSettings = field(default_factory=JobSettings)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the environment. Raises SettingsError, naming the variable."""
        return cls(
            storage=read_settings(StorageSettings, environment),
            service_bus=read_settings(ServiceBusSettings, environment),
            event_grid=read_settings(EventGridSettings, environment),
            graph=read_settings(GraphSettings, environment),
            functions=read_settings(FunctionsSettings, environment),
            logic_app=read_settings(LogicAppSettings, environment),
            monitor=read_settings(MonitorSettings, environment),
            history=read_settings(HistorySettings, environment),
            scheduler=read_settings(SchedulerSettings, environment),
            jobs=read_settings(JobSettings, environment),
        )
