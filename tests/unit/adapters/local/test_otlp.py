"""The exporter against a collector over a real socket."""

from __future__ import annotations

import socket
import time

from opentelemetry import trace

from adapters.local.otlp import OtlpTelemetry
from adapters.local.telemetry import LocalTelemetry
from tests.fakes.otlp.receiver import otlp_receiver


def test_spans_and_metrics_reach_the_collector_when_it_is_closed() -> None:
    with otlp_receiver() as collector:
        exporter = OtlpTelemetry.open(f"{collector.url}/", service_name="newsroom")
        telemetry = LocalTelemetry(exporter)
        with telemetry.span("receive_mail", submission_id="mail-a"):
            telemetry.count("replies", state="sent")
            telemetry.count("replies", state="refused")
            telemetry.record("submission_bytes", 1000, source="mail")
            telemetry.gauge("queue_depth", 3)
        exporter.close()
        (span,) = collector.spans
    assert span.name == "receive_mail"
    assert span.attributes == {"submission_id": "mail-a"}
    assert collector.metrics == {"replies": 2, "submission_bytes": 1000, "queue_depth": 3}
    assert collector.services == {"newsroom"}
    assert telemetry.snapshot()["gauges"] == {"queue_depth": 3}


def test_other_programs_of_the_process_are_left_alone() -> None:
    with otlp_receiver() as collector:
        exporter = OtlpTelemetry.open(collector.url, service_name="newsroom")
        with trace.get_tracer("a library").start_as_current_span("not ours"):
            pass
        exporter.close()
        assert not collector.spans


def test_a_collector_that_is_gone_delays_nothing_for_long() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        exporter = OtlpTelemetry.open(
            f"http://127.0.0.1:{nobody.getsockname()[1]}", service_name="newsroom"
        )
        begun = time.thread_time()
        for _ in range(5000):
            with exporter.span("receive_mail"):
                exporter.count("replies", state="sent")
        spent_on_spans = time.thread_time() - begun
        begun = time.monotonic()
        exporter.close()
        assert spent_on_spans < 5
        assert time.monotonic() - begun < 60
