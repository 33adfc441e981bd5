"""Log lines as JSON on standard error: constant text, facts as fields."""

from __future__ import annotations

import logging
import sys

from shared.codec import to_json
from shared.tracing import current_trace_id

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One record, one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its `extra` fields, and the traceback of an exception."""
        facts = {key: str(value) for key, value in vars(record).items() if key not in _KNOWN}
        line = {"level": record.levelname.lower(), "message": record.getMessage(), **facts}
        if trace_id := current_trace_id():
            line["trace_id"] = trace_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return to_json({"logger": record.name, **line}).decode()


def log_to_stderr() -> None:
    """Send every logger's records of INFO and above to standard error."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[output], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole URLs at INFO
