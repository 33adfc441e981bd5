"""The time of the hub, which may go faster than that of everybody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class HubClock:
    """Since `began`, `pace` hours go by for each hour of the machine. Orchestrators take their time
    from the hub, so timers of hours can be waited for.
    """

    began: datetime
    pace: float = 1.0

    def now(self) -> datetime:
        """What time it is in the hub, in UTC."""
        return self.began + (datetime.now(UTC) - self.began) * self.pace

    def seconds_until(self, moment: datetime) -> float:
        """How many seconds of the machine it takes until then; none when it is over."""
        return max((moment - self.now()) / timedelta(seconds=1) / self.pace, 0.0)
