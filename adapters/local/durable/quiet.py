"""durabletask's own log lines: it tells every turn at INFO, which is too much for a service."""

from __future__ import annotations

import logging


def quiet_logger() -> logging.Logger:
    """The logger to give to durabletask: warnings and errors only."""
    logger = logging.getLogger("adapters.local.durable.durabletask")
    logger.setLevel(logging.WARNING)
    return logger
