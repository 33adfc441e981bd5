"""What is measured on the side, and where one machine's traces and metrics go."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from host.rounds import repeatedly
from shared.errors import IngestError, SettingsError
from shared.tracing import NO_TELEMETRY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

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
    try:
        from adapters.local.otlp import OtlpTelemetry

        otlp = OtlpTelemetry.open(
            settings.otlp_endpoint,
            service_name=settings.service_name,
            trace_share=trace_share(settings),
        )
    except ImportError as exc:
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "needs packages that are not installed: pip install 'mail-ingest[otlp]'.",
        ) from exc
    try:
        yield otlp
    finally:
        await asyncio.to_thread(otlp.close)


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
