"""Log lines: one JSON object each for machines, one readable line for a terminal.

The standard logging module carries them; the facts of a line are what was given as `extra`.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from adapters.library_logs import quiet_libraries
from shared.events import rfc3339
from shared.tracing import current_trace_id

if TYPE_CHECKING:
    from collections.abc import Mapping

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NO_FACTS = _STANDARD | {"color_message"}  # uvicorn repeats its message in colour
_COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[31m"}
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class JsonFormatter(logging.Formatter):
    """``{"time", "level", "logger", "message", "action", ...}``; ``exception`` is a stack trace,
    ``trace_id`` is there when the step is traced.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of ASCII JSON; what JSON cannot hold is written as text."""
        line = _facts(record) | {
            "time": rfc3339(_time(record)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace_id := current_trace_id():
            line["trace_id"] = trace_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        head = ("time", "level", "logger", "message", "action")
        ordered = {name: line.pop(name) for name in head if name in line} | line
        return json.dumps(ordered, default=str)


class ConsoleFormatter(logging.Formatter):
    """``12:00:01 WARNING message  name=value ...``, in colour."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, and the trace of an exception below it."""
        facts = _facts(record)
        facts.pop("action", None)
        shown = "".join(f"  {name}={value}" for name, value in facts.items())
        colour = _COLOURS.get(record.levelno, "")
        message = _one_line(record.getMessage())
        line = (
            f"{_time(record):%H:%M:%S} {colour}{record.levelname:<7} {message}{_PLAIN}"
            f"{_DIM}{_one_line(shown)}{_PLAIN}"
        )
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return f"{line}\n{trace}" if trace else line


def formatter_for(stream: TextIO) -> logging.Formatter:
    """Readable lines for a terminal, JSON for everything else."""
    return ConsoleFormatter() if stream.isatty() else JsonFormatter()


def log_to(stream: TextIO, formatter: logging.Formatter, level: int = logging.INFO) -> None:
    """Send every log line of this process to `stream`, and nowhere else."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.setLevel(level)  # what an SDK takes for an error is a warning of ours
    logging.basicConfig(handlers=[handler], level=level, force=True)
    quiet_libraries(level)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    attributes: Mapping[str, Any] = vars(record)
    return {name: value for name, value in attributes.items() if name not in _NO_FACTS}


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _one_line(text: str) -> str:
    """What a sender wrote cannot start a line, or colour the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
