"""The trace that a step belongs to: a W3C traceparent that goes with the data, door to answer.

It travels as an application property of the queue message, in the inputs of the orchestrations, as
the ``traceparent`` attribute of CloudEvents and in the description job. Within a process it is the
current value of a context variable, which follows tasks and threads. Spans are made by adapters of
the port `Telemetry`, in doors and activities; never in orchestrators, because those are replayed.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

TRACEPARENT = "traceparent"  # the name of the header field, the property and the attribute

# W3C Trace Context section 3.2: version, trace ID, parent ID, flags; neither ID is all zeros.
_VALID = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar(TRACEPARENT, default="")


def is_traceparent(text: str) -> bool:
    """Whether this is a traceparent that we can go on with."""
    return _VALID.fullmatch(text) is not None


def current_traceparent() -> str:
    """The traceparent of the current span; empty when nothing is traced."""
    return _current.get()


def current_trace_id() -> str:
    """The trace ID alone, for log lines: 32 hexadecimal digits, or empty."""
    return _current.get()[3:35]


def carried() -> dict[str, str]:
    """What a message takes along of the current trace."""
    traceparent = _current.get()
    return {TRACEPARENT: traceparent} if traceparent else {}


@contextmanager
def within(traceparent: str) -> Generator[None]:
    """Make a traceparent the current one; for adapters that start spans."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)


class NoSpan:
    """A span that nobody sees, as its own context manager."""

    __slots__ = ()

    def set(self, **attributes: str | int) -> None:
        """Forget them."""
        del attributes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


_NO_SPAN = NoSpan()


class NoTelemetry:
    """The port `Telemetry` for where nobody looks: it counts nothing and traces nothing."""

    __slots__ = ()

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None:
        """Count nothing."""
        del metric, value, dimensions

    def record(self, metric: str, value: float, **dimensions: str) -> None:
        """Record nothing."""
        del metric, value, dimensions

    def gauge(self, metric: str, value: float, **dimensions: str) -> None:
        """Keep nothing."""
        del metric, value, dimensions

    def span(self, name: str, *, parent: str = "", **attributes: str | int) -> NoSpan:
        """Trace nothing."""
        del name, parent, attributes
        return _NO_SPAN


NO_TELEMETRY = NoTelemetry()
