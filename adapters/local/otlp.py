"""Traces and metrics by OTLP over HTTP, to any collector: Jaeger, Grafana, the OpenTelemetry one.

The SDK reads other variables of its own (OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES,
...). A collector that is down costs nothing but its data.
"""

from __future__ import annotations

import logging
from threading import Timer
from typing import TYPE_CHECKING, Protocol, Self

from adapters.web.otel import OtelTelemetry

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_SCOPE = "mail_ingest"
_EXPORT_S = 5.0  # for a batch with all its attempts: what is not taken then is lost
_CLOSE_S = 2.0  # then attempts under way are ended too


class _Closable(Protocol):
    def shutdown(self) -> None: ...


class OtlpTelemetry(OtelTelemetry):
    """Exports in threads of its own until it is closed."""

    def __init__(
        self, spans: SpanExporter, metrics: MetricExporter, service_name: str, trace_share: float
    ) -> None:
        self._exporters: tuple[_Closable, ...] = (spans, metrics)
        self._traces, self._metrics = _providers(spans, metrics, service_name, trace_share)
        super().__init__(self._traces.get_tracer(_SCOPE), self._metrics.get_meter(_SCOPE))

    @classmethod
    def open(cls, endpoint: str, *, service_name: str, trace_share: float = 1.0) -> Self:
        """Start exporting to ``<endpoint>/v1/traces`` and ``/v1/metrics``. Of the traces that begin
        here, `trace_share` (0 to 1) are recorded; of those of clients, what they ask for.
        """
        return cls(*_exporters(endpoint.rstrip("/")), service_name, trace_share)

    def close(self) -> None:
        """Send what waits, and stop. Blocks for some seconds at the most."""
        impatience = Timer(_CLOSE_S, self._give_up)
        impatience.start()
        self._traces.shutdown()
        self._metrics.shutdown()
        impatience.cancel()

    def _give_up(self) -> None:
        for exporter in self._exporters:
            exporter.shutdown()


def _exporters(endpoint: str) -> tuple[SpanExporter, MetricExporter]:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # it warns of every attempt
    return (
        OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=_EXPORT_S),
        OTLPMetricExporter(f"{endpoint}/v1/metrics", timeout=_EXPORT_S),
    )


def _providers(
    spans: SpanExporter, metrics: MetricExporter, service_name: str, trace_share: float
) -> tuple[TracerProvider, MeterProvider]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    resource = Resource.create({"service.name": service_name})
    sampler = ParentBased(TraceIdRatioBased(trace_share))
    tracing = TracerProvider(sampler, resource, shutdown_on_exit=False)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    reader = PeriodicExportingMetricReader(metrics)
    return tracing, MeterProvider((reader,), resource, shutdown_on_exit=False)
