"""Where log lines go: standard error, readable on a terminal and JSON lines everywhere else."""

from __future__ import annotations

import logging
import sys

from adapters.local.log import formatter_for, log_to
from shared.errors import SettingsError


def log_to_stderr(level: str) -> None:
    """Start logging. Raises SettingsError when there is no such level."""
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise SettingsError("MAIL_INGEST_LOG_LEVEL", f"{level!r} is not one of DEBUG, INFO, ...")
    log_to(sys.stderr, formatter_for(sys.stderr), number)
