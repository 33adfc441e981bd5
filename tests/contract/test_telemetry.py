"""What every Telemetry must keep: it never stands in the way of the work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from adapters.azure.telemetry import AzureMonitorTelemetry
from adapters.local.telemetry import LocalTelemetry
from shared.ports import Telemetry
from shared.tracing import NO_TELEMETRY, current_traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def azure() -> Telemetry:
    """The adapter over providers that export nowhere; the wire is tested on its own."""
    traces, metrics = TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
    return AzureMonitorTelemetry(traces.get_tracer("test"), metrics.get_meter("test"))


ADAPTERS: dict[str, Callable[[], Telemetry]] = {
    "none": lambda: NO_TELEMETRY,
    "local": LocalTelemetry,
    "local, exporting": lambda: LocalTelemetry(azure()),
    "azure": azure,
}


@pytest.fixture(params=ADAPTERS.values(), ids=list(ADAPTERS))
def telemetry(request: pytest.FixtureRequest) -> Telemetry:
    return request.param()


def test_whatever_is_told_nothing_is_raised(telemetry: Telemetry) -> None:
    telemetry.count("replies", 0, state="\udcff\n")
    telemetry.count("unheard_of", 10**30)
    telemetry.record("answer_age_seconds", -1.0)
    telemetry.record("answer_age_seconds", float("nan"))
    telemetry.gauge("queue_depth", float("inf"))
    with telemetry.span("\udcff", parent="nonsense", submission_id="x" * 100_000) as span:
        span.set(**{"http.response.status_code": 202})


def test_an_error_goes_through_a_span_as_it_is(telemetry: Telemetry) -> None:
    error = ValueError("as it was")
    with pytest.raises(ValueError, match="as it was") as caught, telemetry.span("reply"):
        raise error
    assert caught.value is error


def test_after_a_span_the_trace_before_it_is_the_current_one_again(telemetry: Telemetry) -> None:
    with telemetry.span("receive_mail", parent=PARENT):
        outer = current_traceparent()
        with telemetry.span("accept_submission"):
            pass
        assert current_traceparent() == outer
    assert current_traceparent() == ""


async def test_a_step_that_is_cancelled_ends_and_stays_cancelled(telemetry: Telemetry) -> None:
    async def step() -> None:
        with telemetry.span("describe", parent=PARENT):
            await asyncio.sleep(60)

    task = asyncio.create_task(step())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
