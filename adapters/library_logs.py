"""What libraries may say in our logs, wherever those go: a terminal, the Functions host, Azure
Monitor.

httpx writes each URL at INFO, and some of them hold secrets. SDKs write lines for every call; and
in bad weather they log each failure with its stack trace and raise it as well, so that what follows
from it is said by our own lines.
"""

from __future__ import annotations

import logging
from typing import Any

_CHATTY = ("azure", "durabletask")  # they write lines of theirs at INFO for every call
_SDKS = {*_CHATTY, "opentelemetry"}
_LONGEST_HINT = 200  # characters


def quiet_libraries(level: int) -> None:
    """For a process that logs from `level` on. Whatever an SDK complains of becomes one short
    warning; at DEBUG it comes whole. URLs never come.
    """
    logging.getLogger("httpx").setLevel(max(level, logging.WARNING))
    if level <= logging.DEBUG:
        return
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    # At the source, not at a handler: the Functions host and Azure Monitor have handlers of theirs.
    logging.setLogRecordFactory(_Record)


class _Record(logging.LogRecord):
    """A record that is a hint when it is an SDK's complaint."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if self.levelno and self.levelno >= logging.WARNING and _is_of_an_sdk(self.name):
            self._become_a_hint()

    def _become_a_hint(self) -> None:
        text = " ".join(self.getMessage().split())
        cause = self.exc_info[0] if self.exc_info else None
        shown = text if len(text) <= _LONGEST_HINT else f"{text[:_LONGEST_HINT]}..."
        self.msg = f"{shown} ({cause.__name__})" if cause else shown
        self.args = self.exc_info = self.stack_info = None
        self.levelno, self.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)


def _is_of_an_sdk(logger: str) -> bool:
    return logger.partition(".")[0] in _SDKS
