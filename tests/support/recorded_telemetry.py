"""Telemetry that is only written down. Spans are numbered, and carry on as real ones do."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.tracing import current_traceparent, within

if TYPE_CHECKING:
    from collections.abc import Generator

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@dataclass(slots=True)
class RecordedSpan:
    """A span: what it was told, and whether an exception ended it."""

    name: str
    parent: str
    traceparent: str
    attributes: dict[str, str | int]
    failed: bool = False

    def set(self, **attributes: str | int) -> None:
        self.attributes |= attributes


@dataclass(slots=True)
class RecordedTelemetry:
    """What was counted, recorded, measured and timed."""

    counted: list[tuple[str, int, dict[str, str]]] = field(
        default_factory=list[tuple[str, int, dict[str, str]]]
    )
    recorded: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    levels: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    spans: list[RecordedSpan] = field(default_factory=list[RecordedSpan])

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None:
        self.counted.append((metric, value, dimensions))

    def record(self, metric: str, value: float, **dimensions: str) -> None:
        del dimensions
        self.recorded.append((metric, value))

    def gauge(self, metric: str, value: float, **dimensions: str) -> None:
        del dimensions
        self.levels.append((metric, value))

    @contextmanager
    def span(
        self, name: str, *, parent: str = "", **attributes: str | int
    ) -> Generator[RecordedSpan]:
        traceparent = f"00-{TRACE_ID}-{len(self.spans) + 1:016x}-01"
        span = RecordedSpan(name, parent or current_traceparent(), traceparent, attributes)
        self.spans.append(span)
        try:
            with within(traceparent):
                yield span
        except Exception:
            span.failed = True
            raise

    def names(self) -> list[str]:
        """The names of the spans, in the order in which they began."""
        return [span.name for span in self.spans]
