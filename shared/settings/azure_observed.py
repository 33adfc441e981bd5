"""Settings of Azure Monitor, and of the task hub that containers work for."""

from __future__ import annotations

from dataclasses import dataclass

from shared.config import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """Azure Monitor (Application Insights)."""

    connection_string: str = setting(
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "",
        unit="connection string",
        example="InstrumentationKey=...;IngestionEndpoint=https://...",
        meaning="The resource that gets traces, metrics and log lines; empty: none.",
        secret=True,
    )
    live_metrics: bool = setting(
        "MAIL_INGEST_LIVE_METRICS",
        False,
        unit="yes or no",
        example="1",
        meaning="Send the live metrics stream of the portal too; it costs a connection.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """Orchestrations that have ended."""

    keep_days: float = setting(
        "MAIL_INGEST_KEEP_INSTANCES_DAYS",
        30.0,
        unit="days",
        example="7",
        meaning="How long the histories of ended orchestrations are kept; records stay.",
        least=5,  # longer than any answer is tried
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """The Durable Task Scheduler, for containers; a Functions app has its host instead."""

    endpoint: str = setting(
        "MAIL_INGEST_SCHEDULER_ENDPOINT",
        "",
        unit="URL",
        example="https://newsroom.northeurope.durabletask.io",
        meaning="The endpoint; http:// is for an emulator, and goes without an identity.",
    )
    task_hub: str = setting(
        "TASKHUB_NAME",
        "default",
        unit="name",
        example="mailingest",
        meaning="The task hub in it.",
    )
    notice_s: float = setting(
        "MAIL_INGEST_DRAIN_NOTICE_S",
        5.0,
        unit="seconds",
        example="10",
        meaning="How long a container that is to stop says so, before it takes nothing more.",
    )
    drain_s: float = setting(
        "MAIL_INGEST_DRAIN_S",
        20.0,
        unit="seconds",
        example="50",
        meaning=(
            "How long its work under way is waited for then. 4.5 more may go by until all is"
            " closed; Kubernetes kills after 30 in all."
        ),
    )
