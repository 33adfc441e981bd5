"""The receiver: requests in, spans and the newest value of each metric kept."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, override

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.threaded_server import QuietHandler, threaded_server

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSpan:
    """A span as it came; the IDs are hexadecimal, `parent_id` is empty for a root."""

    name: str
    kind: str  # SPAN_KIND_...
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    failed: bool


@dataclass(slots=True)
class OtlpReceiver:
    """What came in. `metrics` holds the newest value or sum by name, over all dimensions."""

    url: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list[ReceivedSpan])
    metrics: dict[str, float] = field(default_factory=dict[str, float])
    services: set[str] = field(default_factory=set[str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take_traces(self, body: bytes) -> bytes:
        """POST /v1/traces."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            for resource in request.resource_spans:
                self.services.add(_attributes(resource.resource.attributes)["service.name"])
                self.spans += [_span(s) for scope in resource.scope_spans for s in scope.spans]
        return ExportTraceServiceResponse().SerializeToString()

    def take_metrics(self, body: bytes) -> bytes:
        """POST /v1/metrics."""
        request = ExportMetricsServiceRequest.FromString(body)
        with self._lock:
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics |= {metric.name: _value(metric) for metric in scope.metrics}
        return ExportMetricsServiceResponse().SerializeToString()


@contextmanager
def otlp_receiver() -> Generator[OtlpReceiver]:
    """A running receiver on 127.0.0.1."""
    receiver = OtlpReceiver()
    with threaded_server(partial(_Handler, receiver)) as url:
        receiver.url = url
        yield receiver


class _Handler(QuietHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, receiver: OtlpReceiver, *args: Any) -> None:
        self._take = {
            "/v1/traces": receiver.take_traces,
            "/v1/metrics": receiver.take_metrics,
        }
        super().__init__(*args)

    @override
    def respond(self, body: bytes) -> None:
        self.answer(200, "application/x-protobuf", self._take[self.path](body))


def _span(span: Span) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=span.SpanKind.Name(span.kind),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_attributes(span.attributes),
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in pairs}


def _value(metric: Metric) -> float:
    if metric.HasField("histogram"):
        return sum(point.sum for point in metric.histogram.data_points)
    points = metric.gauge.data_points if metric.HasField("gauge") else metric.sum.data_points
    return sum(point.as_double or point.as_int for point in points)
