"""Spans and metrics over OpenTelemetry's own SDK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, StatusCode

from adapters.web.otel import OtelTelemetry
from shared.telemetry import METRICS, MetricKind
from shared.tracing import current_trace_id, current_traceparent, is_traceparent

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True)
class Recorded:
    telemetry: OtelTelemetry
    spans: InMemorySpanExporter
    metrics: InMemoryMetricReader


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    yield from recording(TracerProvider(shutdown_on_exit=False))


def recording(traces: TracerProvider) -> Iterator[Recorded]:
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces.add_span_processor(SimpleSpanProcessor(spans))
    metrics = MeterProvider((reader,), shutdown_on_exit=False)
    yield Recorded(
        OtelTelemetry(traces.get_tracer("test"), metrics.get_meter("test")), spans, reader
    )
    traces.shutdown()
    metrics.shutdown()


def test_a_span_goes_on_with_the_trace_that_came_with_the_data(recorded: Recorded) -> None:
    with recorded.telemetry.span("dispatch_submission", parent=PARENT, submission_id="mail-a"):
        assert current_trace_id() == TRACE_ID
        assert is_traceparent(current_traceparent())
    (span,) = recorded.spans.get_finished_spans()
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]
    assert span.kind is SpanKind.CONSUMER
    assert dict(span.attributes or {}) == {"submission_id": "mail-a"}
    assert current_traceparent() == ""


@pytest.mark.parametrize("parent", ["", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
def test_without_a_valid_parent_a_trace_begins(recorded: Recorded, parent: str) -> None:
    with recorded.telemetry.span("receive_mail", parent=parent):
        pass
    (span,) = recorded.spans.get_finished_spans()
    assert span.parent is None


def test_the_nearest_span_of_the_same_trace_is_the_parent(recorded: Recorded) -> None:
    with recorded.telemetry.span("outer", parent=PARENT):
        with recorded.telemetry.span("inner", parent=PARENT):
            pass
        with recorded.telemetry.span("other", parent=PARENT.replace("0af", "0b0")):
            assert current_trace_id() != TRACE_ID
    inner, other, outer = recorded.spans.get_finished_spans()
    assert outer.context is not None
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert other.parent is not None
    assert f"{other.parent.span_id:016x}" == PARENT.split("-")[2]


def test_an_error_is_told_by_its_class_and_never_by_its_text(recorded: Recorded) -> None:
    with (
        pytest.raises(ValueError, match="ann@"),
        recorded.telemetry.span("reply", parent=PARENT),
    ):
        raise ValueError("ann@example.org")
    (span,) = recorded.spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "ann@" not in span.to_json()


def test_what_was_found_out_during_a_step_is_told_with_it(recorded: Recorded) -> None:
    with recorded.telemetry.span("POST /v1/emails") as span:
        span.set(**{"http.response.status_code": 202})
    (ended,) = recorded.spans.get_finished_spans()
    assert dict(ended.attributes or {}) == {"http.response.status_code": 202}
    assert ended.kind is SpanKind.SERVER


def test_a_trace_that_is_not_sampled_is_carried_on_and_not_recorded() -> None:
    for recorded in recording(TracerProvider(ParentBased(ALWAYS_OFF), shutdown_on_exit=False)):
        with recorded.telemetry.span("receive_mail"):
            carried = current_traceparent()
            assert int(carried[-2:], 16) & 1 == 0  # W3C: the flag "sampled"
        with recorded.telemetry.span("reply", parent=carried):
            assert current_trace_id() == carried.split("-")[1]
        assert not recorded.spans.get_finished_spans()


def test_every_metric_of_the_table_is_exported_and_no_other(recorded: Recorded) -> None:
    for name, metric in METRICS.items():
        dimensions = dict.fromkeys(metric.dimensions, "x")
        match metric.kind:
            case MetricKind.COUNTER:
                recorded.telemetry.count(name, 2, **dimensions)
            case MetricKind.DISTRIBUTION:
                recorded.telemetry.record(name, -0.5, **dimensions)  # clocks may differ
            case MetricKind.GAUGE:
                recorded.telemetry.gauge(name, 7, **dimensions)
    recorded.telemetry.count("unheard_of")
    recorded.telemetry.record("unheard_of", 1)
    recorded.telemetry.gauge("unheard_of", 1)
    data = recorded.metrics.get_metrics_data()
    assert data is not None
    found = {m.name: m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert {name: found[name].unit for name in found} == {n: m.unit for n, m in METRICS.items()}
