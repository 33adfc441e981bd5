"""Traces, metrics and log lines to Azure Monitor, by Microsoft's distribution of OpenTelemetry.

The distribution sets OpenTelemetry's global providers, so that the spans of the durable worker join
ours; a process can have it once. The libraries that it would instrument by itself stay quiet: their
spans are many, cost money, and say less than ours. What the service does not take is kept on disk
and sent later.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from adapters.web.otel import OtelTelemetry

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

_SCOPE = "mail_ingest"
_QUIET = (
    *("azure_sdk", "django", "fastapi", "flask", "httpx", "httpx2"),
    *("psycopg2", "requests", "urllib", "urllib3"),
)


class _Provider(Protocol):
    def shutdown(self) -> None: ...


class AzureMonitorTelemetry(OtelTelemetry):
    """Exports in threads of its own until it is closed. Make one by `open`."""

    @classmethod
    def open(
        cls,
        connection_string: str,
        *,
        service_name: str,
        trace_share: float = 1.0,
        live_metrics: bool = False,
    ) -> Self:
        """Start exporting; log lines of this process go along from now on. `trace_share` (0 to 1)
        of the traces are recorded, each whole.

        Where the Functions worker has set the providers already, ours are those. The distribution
        takes our identity along where APPLICATIONINSIGHTS_AUTHENTICATION_STRING says
        Authorization=AAD.
        """
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.trace import TracerProvider

        if not isinstance(trace.get_tracer_provider(), TracerProvider):
            _configure(
                connection_string=connection_string,
                resource=_resource(service_name),
                sampling_ratio=trace_share,
                enable_live_metrics=live_metrics,
            )
        return cls(trace.get_tracer(_SCOPE), metrics.get_meter(_SCOPE))

    def close(self) -> None:
        """Send what waits, and stop. Blocks for some seconds at the most."""
        from opentelemetry import metrics, trace
        from opentelemetry._logs import get_logger_provider

        for provider in (
            trace.get_tracer_provider(),
            metrics.get_meter_provider(),
            get_logger_provider(),
        ):
            cast("_Provider", provider).shutdown()


def _resource(service_name: str) -> Resource:
    from opentelemetry.sdk.resources import Resource

    return Resource.create({"service.name": service_name})


def _configure(**options: Any) -> None:
    from azure.monitor.opentelemetry import (
        configure_azure_monitor,  # pyright: ignore[reportUnknownVariableType] half typed
    )

    for noisy in ("azure", "opentelemetry", "urllib3"):  # they log every request at INFO
        logging.getLogger(noisy).setLevel(logging.WARNING)
    configure_azure_monitor(
        enable_performance_counters=False,
        instrumentation_options={name: {"enabled": False} for name in _QUIET},
        retry_total=0,  # what fails goes to the disk; trying at once would hold up our end
        **options,
    )
