"""Metrics in memory, and as one log line every now and then; traces and metrics by OTLP if wanted.

The log line is for a machine where nobody collects anything; the exporter (otlp.py) is for one
where somebody does.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.tracing import NO_TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from datetime import timedelta

    from shared.model import JsonObject
    from shared.ports import Span, Telemetry

logger = logging.getLogger(__name__)

_RECENT = 512  # samples that the percentiles are of
_MOST_SERIES = 1000  # a dimension with endless values must not eat the memory
_OTHER = "other"


@dataclass(slots=True)
class _Distribution:
    count: int = 0
    total: float = 0.0
    largest: float = 0.0
    recent: deque[float] = field(default_factory=lambda: deque[float](maxlen=_RECENT))

    def add(self, value: float) -> None:
        self.largest = max(self.largest, value) if self.count else value
        self.count += 1
        self.total += value
        self.recent.append(value)

    def summary(self) -> JsonObject:
        ordered = sorted(self.recent)
        return {
            "count": self.count,
            "mean": self.total / self.count,
            "max": self.largest,
            "p50": ordered[len(ordered) // 2],
            "p95": ordered[len(ordered) * 95 // 100],
        }


class LocalTelemetry:
    """Counts, levels and samples since the start, by ``name{dimension=value,...}``, each also given
    to `exporter`. Any thread may call.
    """

    def __init__(self, exporter: Telemetry = NO_TELEMETRY) -> None:
        self._exporter = exporter
        self._lock = threading.Lock()
        self._counters: dict[str, int] = {}
        self._gauges: dict[str, float] = {}
        self._distributions: dict[str, _Distribution] = {}

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None:
        """Add to a counter."""
        with self._lock:
            series = _series(metric, dimensions, self._counters)
            self._counters[series] = self._counters.get(series, 0) + value
        self._exporter.count(metric, value, **dimensions)

    def record(self, metric: str, value: float, **dimensions: str) -> None:
        """Add a sample to a distribution (seconds, bytes)."""
        with self._lock:
            series = _series(metric, dimensions, self._distributions)
            self._distributions.setdefault(series, _Distribution()).add(value)
        self._exporter.record(metric, value, **dimensions)

    def gauge(self, metric: str, value: float, **dimensions: str) -> None:
        """Say how high a level is now."""
        with self._lock:
            self._gauges[_series(metric, dimensions, self._gauges)] = value
        self._exporter.gauge(metric, value, **dimensions)

    def span(
        self, name: str, *, parent: str = "", **attributes: str | int
    ) -> AbstractContextManager[Span]:
        """Time the block, where the exporter wants that."""
        return self._exporter.span(name, parent=parent, **attributes)

    def snapshot(self) -> JsonObject:
        """``{"counters": {series: n}, "gauges": {series: level}, "distributions": {series: {count,
        mean, max, p50, p95}}}``; the percentiles are of the last samples.
        """
        with self._lock:
            return {
                "counters": dict(self._counters),
                "gauges": dict(self._gauges),
                "distributions": {
                    series: samples.summary() for series, samples in self._distributions.items()
                },
            }

    async def run(self, every: timedelta) -> None:
        """Write the snapshot into the log, as often as `every`, when it has changed."""
        written: JsonObject = self.snapshot()
        while True:
            await asyncio.sleep(every.total_seconds())
            current = self.snapshot()
            if current != written:
                logger.info("metrics", extra={"action": "metrics", **current})
                written = current


def _series(metric: str, dimensions: Mapping[str, str], known: Mapping[str, Any]) -> str:
    named = ",".join(f"{name}={value}" for name, value in sorted(dimensions.items()))
    series = f"{metric}{{{named}}}" if named else metric
    if series in known or len(known) < _MOST_SERIES:
        return series
    return f"{metric}{{{_OTHER}}}"
