"""The ways in which services write the place of a thing in a picture, into our one way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from describer.providers.json_values import as_list, as_number, as_object

if TYPE_CHECKING:
    from collections.abc import Iterable

    from describer.providers.mapping import BoxFormat
    from shared.description import Box

_LEFT, _TOP, _WIDTH, _HEIGHT = ("left", "x"), ("top", "y"), ("width", "w"), ("height", "h")


def read_box(value: Any, form: BoxFormat, unit: tuple[float, float]) -> Box | None:
    """A box as fractions, or None when it has not that form.

    ``xywh`` is [x, y, width, height] or an object with left/x, top/y, width/w, height/h;
    ``xyxy`` is [left, top, right, bottom]; ``vertices`` is a list of points {x, y}, where a missing
    coordinate is 0, or a flat list of coordinates. `unit` is the width and height of the picture
    in the service's units: (1, 1) for fractions.
    """
    read = {"xywh": _xywh, "xyxy": _xyxy, "vertices": _vertices}[form]
    corners = read(value)
    if corners is None or not all(math.isfinite(edge) for edge in corners):
        return None
    left, top, right, bottom = (
        round(min(max(edge / size, 0.0), 1.0), 4)
        for edge, size in zip(corners, (*unit, *unit), strict=True)
    )
    if right <= left or bottom <= top:
        return None
    return left, top, round(right - left, 4), round(bottom - top, 4)


def _xywh(value: Any) -> tuple[float, float, float, float] | None:
    members = as_object(value)
    numbers = _numbers(value) if members is None else _members(members)
    if numbers is None or len(numbers) != 4:
        return None
    x, y, width, height = numbers
    return x, y, x + width, y + height


def _xyxy(value: Any) -> tuple[float, float, float, float] | None:
    numbers = _numbers(value)
    if numbers is None or len(numbers) != 4:
        return None
    left, top, right, bottom = numbers
    return left, top, right, bottom


def _vertices(value: Any) -> tuple[float, float, float, float] | None:
    flat = _numbers(value) or _points(value)
    if not flat or len(flat) % 2:
        return None
    return min(flat[::2]), min(flat[1::2]), max(flat[::2]), max(flat[1::2])


def _numbers(value: Any) -> list[float] | None:
    items = as_list(value)
    return None if items is None else _all_numbers(as_number(item) for item in items)


def _points(value: Any) -> list[float] | None:
    points = [as_object(item) for item in as_list(value) or ()]
    return _all_numbers(
        None if point is None else as_number(point.get(axis, 0))
        for point in points
        for axis in ("x", "y")
    )


def _members(value: dict[str, Any]) -> list[float] | None:
    lower = {key.lower(): as_number(item) for key, item in value.items()}
    return _all_numbers(
        next((lower[name] for name in names if lower.get(name) is not None), None)
        for names in (_LEFT, _TOP, _WIDTH, _HEIGHT)
    )


def _all_numbers(values: Iterable[float | None]) -> list[float] | None:
    found: list[float] = []
    for value in values:
        if value is None:
            return None
        found.append(value)
    return found
