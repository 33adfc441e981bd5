"""What is measured on the side, and where one machine's traces and metrics go."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from host.extras import install_extra
from host.rounds import repeatedly
from shared.errors import IngestError, SettingsError
from shared.tracing import NO_TELEMETRY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from adapters.local.otlp import OtlpTelemetry
    from shared.ports import Telemetry, WorkQueue
    from shared.settings.telemetry import TelemetrySettings

logger = logging.getLogger(__name__)


@asynccontextmanager
async def exporting(settings: TelemetrySettings) -> AsyncGenerator[Telemetry]:
    """The exporter that the settings name, closed at the end of the block. Raises SettingsError
    when its packages are not installed; nothing of them is imported while none is named.
    """
    if not settings.otlp_endpoint:
        yield NO_TELEMETRY
        return
    otlp = exporter_type().open(
        settings.otlp_endpoint,
        service_name=settings.service_name,
        trace_share=trace_share(settings),
    )
    try:
        yield otlp
    finally:
        await asyncio.to_thread(otlp.close)


def exporter_type() -> type[OtlpTelemetry]:
    """What exports to a collector. Raises SettingsError when its packages are not installed."""
    try:
        import_module("opentelemetry.exporter.otlp.proto.http")  # which the adapter imports late
        from adapters.local.otlp import OtlpTelemetry
    except ImportError as exc:
        raise SettingsError("OTEL_EXPORTER_OTLP_ENDPOINT", install_extra("otlp")) from exc
    return OtlpTelemetry


def trace_share(settings: TelemetrySettings) -> float:
    """The share of the traces that is recorded. Raises SettingsError."""
    if not 0 <= settings.trace_share <= 1:
        raise SettingsError("OTEL_TRACES_SAMPLER_ARG", "write a number from 0 to 1.")
    return settings.trace_share


async def measure_levels(telemetry: Telemetry, queue: WorkQueue, every_s: float) -> None:
    """Measure levels until cancelled."""
    await repeatedly(partial(measure_level, telemetry, queue), every_s=every_s)


async def measure_level(telemetry: Telemetry, queue: WorkQueue) -> None:
    """Say how many submissions wait to be started; nothing when that cannot be read now."""
    try:
        telemetry.gauge("queue_depth", await queue.depth())
    except IngestError as exc:
        logger.warning(
            "level not measured", extra={"action": "level_not_measured", "error": str(exc)}
        )
