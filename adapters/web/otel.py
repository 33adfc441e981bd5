"""The port Telemetry over OpenTelemetry: what every platform that collects traces shares.

Not here: where spans and metrics go. The platforms make the tracer and the meter; nothing global is
needed, and nothing is measured that `shared.telemetry` does not name.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from shared.telemetry import METRICS, SPANS, Metric, MetricKind, SpanKind
from shared.tracing import is_traceparent, within

if TYPE_CHECKING:
    from collections.abc import Generator

    from opentelemetry.context import Context
    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.trace import Span, Tracer

_KINDS = {
    SpanKind.SERVER: trace.SpanKind.SERVER,
    SpanKind.CONSUMER: trace.SpanKind.CONSUMER,
    SpanKind.INTERNAL: trace.SpanKind.INTERNAL,
}
# A photo takes a second, escalation 36 minutes, the last attempt of a webhook three days.
_BUCKETS = {
    "s": (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1200, 2400, 3600, 14400, 86400, 270000),
    "By": (1e4, 1e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9),
}


class OtelSpan:
    """The port's span over one of OpenTelemetry."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def set(self, **attributes: str | int) -> None:
        """Add attributes."""
        self._span.set_attributes(attributes)


class OtelTelemetry:
    """Any thread may call. A metric without a line in the table is not exported."""

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._counters = {
            name: meter.create_counter(name, metric.unit, metric.meaning)
            for name, metric in _of_kind(MetricKind.COUNTER)
        }
        self._gauges = {
            name: meter.create_gauge(name, metric.unit, metric.meaning)
            for name, metric in _of_kind(MetricKind.GAUGE)
        }
        self._distributions = {
            name: _histogram(meter, name, metric)
            for name, metric in _of_kind(MetricKind.DISTRIBUTION)
        }

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None:
        """Add to a counter."""
        if metric in self._counters:
            self._counters[metric].add(value, dimensions)

    def record(self, metric: str, value: float, **dimensions: str) -> None:
        """Add a sample to a distribution (seconds, bytes)."""
        if metric in self._distributions:
            self._distributions[metric].record(max(value, 0.0), dimensions)

    def gauge(self, metric: str, value: float, **dimensions: str) -> None:
        """Say how high a level is now."""
        if metric in self._gauges:
            self._gauges[metric].set(value, dimensions)

    @contextmanager
    def span(self, name: str, *, parent: str = "", **attributes: str | int) -> Generator[OtelSpan]:
        """Time the block as a step of a trace. Of an exception only its class is told: its text may
        hold an address.
        """
        kind = _KINDS[SPANS.get(name, SpanKind.INTERNAL)]
        span = self._tracer.start_span(name, _context(parent), kind, attributes)
        with (
            trace.use_span(
                span, end_on_exit=True, record_exception=False, set_status_on_exception=False
            ),
            within(_traceparent(span.get_span_context())),
        ):
            try:
                yield OtelSpan(span)
            except Exception as exc:
                span.set_status(StatusCode.ERROR, type(exc).__name__)
                span.set_attribute("error", type(exc).__name__)
                raise


def _of_kind(kind: MetricKind) -> list[tuple[str, Metric]]:
    return [(name, metric) for name, metric in METRICS.items() if metric.kind is kind]


def _histogram(meter: Meter, name: str, metric: Metric) -> Histogram:
    return meter.create_histogram(
        name,
        metric.unit,
        metric.meaning,
        explicit_bucket_boundaries_advisory=_BUCKETS.get(metric.unit),
    )


def _context(parent: str) -> Context | None:
    """Where a span belongs; None is below the current span. That one is nearer than what came with
    the data when both are of one trace, as in an activity that the engine traces too.
    """
    if not is_traceparent(parent):
        return None
    _, trace_id, span_id, flags = parent.split("-")
    came = SpanContext(
        trace_id=int(trace_id, 16),
        span_id=int(span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
    )
    if trace.get_current_span().get_span_context().trace_id == came.trace_id:
        return None
    return trace.set_span_in_context(NonRecordingSpan(came))


def _traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
