"""When an event is delivered again, and when it is given up: as Event Grid documents it."""

from __future__ import annotations

from dataclasses import dataclass

_PAUSES_S = (10, 30, 60, 300, 600, 1800, 3600)  # then every hour
_LONGER_S = {404: 300, 408: 120, 503: 30}
_HOPELESS = frozenset({400, 401, 403, 413})  # of a webhook; a Function has more patience
TAKEN = frozenset({200, 201, 202, 203, 204})


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`scale` shortens every pause; the service's own limit is 30 attempts."""

    scale: float = 1.0
    most_attempts: int = 30

    def pause_s(self, attempts: int, status: int) -> float | None:
        """Seconds to the next attempt after `attempts` (from 1) failed ones, the last with this
        status (0: no answer); None: it is a dead letter.
        """
        if status in _HOPELESS or attempts >= self.most_attempts:
            return None
        pause_s = _PAUSES_S[min(attempts, len(_PAUSES_S)) - 1]
        return max(pause_s, _LONGER_S.get(status, 0)) * self.scale
