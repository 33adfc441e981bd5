"""The kinds of weather. What each one looks like is said by whoever plays it."""

from __future__ import annotations

from enum import StrEnum


class Weather(StrEnum):
    """How a service is. Only in good weather does it answer as it should."""

    WELL = "well"
    DOWN = "down"
    SLOW = "slow"
    THROTTLING = "throttling"
    WRONG = "wrong"
    CUT = "cut"
