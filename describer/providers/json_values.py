"""JSON values of unknown form, as what they should be, or None."""

from __future__ import annotations

import math
from typing import Any


def as_list(value: Any) -> list[Any] | None:
    """A JSON array."""
    return value if isinstance(value, list) else None  # pyright: ignore[reportUnknownVariableType]


def as_object(value: Any) -> dict[str, Any] | None:
    """A JSON object."""
    return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType]


def as_number(value: Any) -> float | None:
    """A finite JSON number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # JSON integers have no limit
        return None
