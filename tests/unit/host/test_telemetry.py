"""The exporter that the settings name, and the levels that are measured on the side."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

import pytest

from adapters.local.otlp import OtlpTelemetry
from host.telemetry import exporting, measure_levels
from shared.errors import ServiceUnavailableError, SettingsError
from shared.settings.telemetry import TelemetrySettings
from shared.tracing import NO_TELEMETRY
from tests.fakes.otlp.receiver import otlp_receiver
from tests.support.local_services import local_services
from tests.support.recorded_telemetry import RecordedTelemetry

if TYPE_CHECKING:
    from pathlib import Path


async def test_without_a_collector_nothing_is_exported() -> None:
    async with exporting(TelemetrySettings()) as exporter:
        assert exporter is NO_TELEMETRY


async def test_a_collector_gets_what_was_told_when_the_server_stops() -> None:
    with otlp_receiver() as collector:
        async with exporting(TelemetrySettings(otlp_endpoint=collector.url)) as exporter:
            assert isinstance(exporter, OtlpTelemetry)
            with exporter.span("receive_mail"):
                pass
        assert [span.name for span in collector.spans] == ["receive_mail"]
        assert collector.services == {"mail-ingest"}


async def test_of_traces_that_are_not_to_be_recorded_nothing_is_sent() -> None:
    with otlp_receiver() as collector:
        settings = TelemetrySettings(otlp_endpoint=collector.url, trace_share=0.0)
        async with exporting(settings) as exporter:
            with exporter.span("receive_mail"):
                exporter.count("replies", state="sent")
        assert not collector.spans
        assert collector.metrics == {"replies": 1}


async def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adapters.local.otlp", None)
    with pytest.raises(SettingsError, match=r"-m pip install -e .*\[otlp\]"):
        async with exporting(TelemetrySettings(otlp_endpoint="http://127.0.0.1:4318")):
            pass


async def test_a_share_that_is_none_is_refused() -> None:
    settings = TelemetrySettings(otlp_endpoint="http://127.0.0.1:4318", trace_share=7)
    with pytest.raises(SettingsError, match="OTEL_TRACES_SAMPLER_ARG"):
        async with exporting(settings):
            pass


async def test_the_depth_of_the_queue_is_measured_also_after_a_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry = RecordedTelemetry()
    with local_services(tmp_path) as services:
        await services.queue.send("one", b"body")
        faults = [ServiceUnavailableError("queue")]
        depth = services.queue.depth

        async def faulty_depth() -> int:
            if faults:
                raise faults.pop()
            return await depth()

        services.queue.depth = faulty_depth  # type: ignore[method-assign]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await measure_levels(telemetry, services.queue, every_s=0.05)
    assert set(telemetry.levels) == {("queue_depth", 1)}
    assert [line.__dict__["action"] for line in caplog.records] == ["level_not_measured"]
