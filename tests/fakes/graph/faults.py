"""What can go wrong on the way: laid-out faults, and the counters of Graph's throttling."""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """How a call goes wrong."""

    THROTTLED = "429"
    ERROR = "500"
    UNAVAILABLE = "503"
    TIMED_OUT = "504"
    TIMED_OUT_AFTER_ACCEPT = "504 after the work was done"
    SYNC_STATE_GONE = "410"
    CUT = "the connection is cut in the middle of the body"
    SLOW = "the answer is late"
    REFUSED = "another status"
    PAGE = "200 with a page of HTML"
    JSON_ERROR = "200 with an error in JSON"
    EMPTY = "200 with nothing"
    HALF = "206 with the beginning of the body"
    SHORT = "the body ends early, and rightly so for HTTP"


@dataclass(slots=True, kw_only=True)
class Fault:
    """The next `times` calls whose ``METHOD /path`` contains a match of `match` go wrong so."""

    kind: FaultKind
    match: str = "."
    times: int = 1
    retry_after_s: float | None = None  # None: the field is missing, as Graph's sometimes is
    after_bytes: int = 1000  # CUT, HALF, SHORT
    status: int = 400  # REFUSED
    code: str = "ErrorInvalidRequest"  # REFUSED
    seconds: float = 0.1  # SLOW

    def strikes(self, call: str) -> bool:
        """Whether this call goes wrong; counts it."""
        if self.times <= 0 or re.search(self.match, call) is None:
            return False
        self.times -= 1
        return True


@dataclass(slots=True, kw_only=True)
class Limits:
    """Graph's documented limits per program and mailbox."""

    concurrent: int = 4
    calls_per_10_min: int = 10_000
    upload_bytes_per_5_min: int = 150_000_000
    sends_per_min: int = 30
    retry_after_s: float = 1.0


@dataclass(slots=True, kw_only=True)
class Throttle:
    """Counts calls, and says which limit a call would break."""

    limits: Limits
    under_way: int = 0
    most_at_once: int = 0
    refused: int = 0
    _calls: deque[float] = field(default_factory=deque[float])
    _uploads: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    _uploaded: int = 0
    _sends: deque[float] = field(default_factory=deque[float])

    def refusal(self, *, upload_bytes: int, is_send: bool) -> str:
        """Why a call is throttled, or nothing; then it counts."""
        now = time.monotonic()
        _forget(self._calls, now - 600)
        _forget(self._sends, now - 60)
        while self._uploads and self._uploads[0][0] < now - 300:
            self._uploaded -= self._uploads.popleft()[1]
        reason = self._broken_limit(upload_bytes, is_send=is_send)
        if reason:
            self.refused += 1
            return reason
        self._calls.append(now)
        self._uploads.append((now, upload_bytes))
        self._uploaded += upload_bytes
        if is_send:
            self._sends.append(now)
        return ""

    def _broken_limit(self, upload_bytes: int, *, is_send: bool) -> str:
        if self.under_way >= self.limits.concurrent:
            return "Application is over its MailboxConcurrency limit."
        if len(self._calls) >= self.limits.calls_per_10_min:
            return "Application is over its request limit."
        if self._uploaded + upload_bytes > self.limits.upload_bytes_per_5_min:
            return "Application is over its upload limit."
        if is_send and len(self._sends) >= self.limits.sends_per_min:
            return "The message rate limit of this mailbox is reached."
        return ""


def _forget(moments: deque[float], before: float) -> None:
    while moments and moments[0] < before:
        moments.popleft()
