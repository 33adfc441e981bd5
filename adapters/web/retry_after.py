"""Reads Retry-After (RFC 9110 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_WAIT_S = 24 * 3600.0


def retry_after_s(text: str, now: datetime) -> float | None:
    """Retry-After in seconds, a number or a date; None when it says nothing."""
    if text.isdecimal() and text.isascii():
        seconds = float(text[:9])
    else:
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)
