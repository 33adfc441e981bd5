"""What can go wrong: laid-out faults, and the quotas on creating containers."""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(slots=True, kw_only=True)
class Fault:
    """The next `times` calls whose ``METHOD /path`` contains a match of `match` go wrong so.

    `status` 0 cuts the connection. With `after`, the work is done before the answer goes wrong.
    """

    status: int
    code: str = "ServerError"
    match: str = "."
    times: int = 1
    retry_after_s: int | None = None
    after: bool = False

    def strikes(self, call: str) -> bool:
        """Whether this call goes wrong; counts it."""
        if self.times <= 0 or re.search(self.match, call) is None:
            return False
        self.times -= 1
        return True


@dataclass(slots=True, kw_only=True)
class Quotas:
    """ARM's limits: creations in time, and containers at a time."""

    per_5_min: int = 100
    at_a_time: int = 100
    retry_after_s: int = 1
    _created: deque[float] = field(default_factory=deque[float])

    def refusal(self, running: int) -> web.Response | None:
        """ARM's no to one more container, or None; then it counts."""
        now = time.monotonic()
        while self._created and self._created[0] < now - 300:
            self._created.popleft()
        if len(self._created) >= self.per_5_min:
            return error(429, "TooManyRequests", self.retry_after_s)
        if running >= self.at_a_time:
            return error(409, "ContainerGroupQuotaReached")
        self._created.append(now)
        return None


def error(status: int, code: str, retry_after_s: int | None = None) -> web.Response:
    """An error as ARM writes it."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    body = {"error": {"code": code, "message": f"{code}, says the fake."}}
    return web.json_response(body, status=status, headers=headers)
