"""Azure's limits on creating containers, kept by us, so that the answer 429 stays an exception.

When a container was created stands in the name of an empty blob: a list of names is all that a
count needs, and a restart or a second process forgets nothing. Two processes at the same instant
may both take the last place; then Azure says no to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.ports import BlobStore, Clock

_HOUR_S = 3600.0
_FIVE_MINUTES_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateLimits:
    """How many containers may be created. The defaults are those of Container Instances."""

    per_hour: int = 300
    per_5_min: int = 100


class CreateLimiter:
    """Counts creations below one folder of the blob store."""

    def __init__(self, blobs: BlobStore, folder: str, clock: Clock, limits: CreateLimits) -> None:
        self._blobs = blobs
        self._folder = f"{folder}/creates/"
        self._clock = clock
        self._limits = limits

    async def take(self, name: str) -> float:
        """Count a creation and give 0, or the seconds after which there is a place again."""
        now = self._clock.now().timestamp()
        times = await self._times(now)
        wait_s = max(
            _wait_s(times, now, _HOUR_S, self._limits.per_hour),
            _wait_s(times, now, _FIVE_MINUTES_S, self._limits.per_5_min),
        )
        if wait_s == 0:
            await self._blobs.put(f"{self._folder}{int(now * 1000):015d}-{name}", b"")
        return wait_s

    async def _times(self, now: float) -> Sequence[float]:
        """The creations of the last hour, oldest first; older ones are forgotten."""
        times: list[float] = []
        async for name in self._blobs.list(self._folder):
            at = int(name.removeprefix(self._folder).partition("-")[0]) / 1000
            if at <= now - _HOUR_S:
                await self._blobs.delete_prefix(name)
            else:
                times.append(at)
        return times


def _wait_s(times: Sequence[float], now: float, window_s: float, limit: int) -> float:
    """How long until fewer than `limit` of the times lie in the window."""
    within = [at for at in times if at > now - window_s]
    return 0.0 if len(within) < limit else within[-limit] + window_s - now
