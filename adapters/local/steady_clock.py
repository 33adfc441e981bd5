"""The time that passes, whatever is done to the machine's clock: for waits, never for stamps."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

# Linux has one that counts also while the machine sleeps.
_COUNTER = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SteadyClock:
    """Begins with what the machine's clock says, and goes on at its own even pace."""

    def __init__(self) -> None:
        self._begun = datetime.now(UTC)
        self._counted = time.clock_gettime(_COUNTER)

    def now(self) -> datetime:
        """Comparable with other times of this very clock only."""
        return self._begun + timedelta(seconds=time.clock_gettime(_COUNTER) - self._counted)
