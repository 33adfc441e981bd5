"""Reading settings: from the environment, once, at start, into one typed value that is passed on.

This is the only reader of the environment. Each setting stands in `shared/settings.py` with its
name, unit, default, example and meaning; docs/configuration.md is printed from the same lines.
"""

from __future__ import annotations

import os
import sys
from dataclasses import field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_type_hints

from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "MAIL_INGEST_"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})
_LARGEST_PORT = 65_535


def setting(
    name: str,
    default: object,
    *,
    unit: str,
    example: str,
    meaning: str,
    least: float = 0,
    most: float = sys.float_info.max,
    secret: bool = False,
) -> Any:
    """A field of the settings value, with what a person must know about it; `least` and `most` are
    of numbers.
    """
    metadata = {
        "name": name,
        "unit": unit,
        "example": example,
        "meaning": meaning,
        "least": least,
        "most": _LARGEST_PORT if unit == "port" else most,
    }
    return field(default=default, repr=not secret, metadata=metadata)


def read_settings[T](kind: type[T], environment: Mapping[str, str] | None = None) -> T:
    """Read every setting of a settings dataclass. Raises SettingsError, naming the variable.

    A variable that is absent or empty gives the default.
    """
    environment = os.environ if environment is None else environment
    hints = get_type_hints(kind)
    values: dict[str, object] = {}
    for each in fields(kind):  # type: ignore[arg-type]
        name: str = each.metadata["name"]
        if text := environment.get(name, "").strip():
            value = _parse(name, text, hints[each.name])
            _check_range(each.metadata, value)
            values[each.name] = value
    return kind(**values)


def given_names(environment: Mapping[str, str] | None = None) -> frozenset[str]:
    """The names in the environment that claim to be settings of ours, in whichever case."""
    environment = os.environ if environment is None else environment
    return frozenset(name for name in environment if name.upper().startswith(PREFIX))


def _parse(name: str, text: str, kind: object) -> object:
    parse = _PARSERS.get(kind, str)
    try:
        return parse(text)
    except ValueError as exc:
        raise SettingsError(name, f"{text!r} is not {_KIND_WORDS.get(kind, 'valid')}.") from exc


def _check_range(about: Mapping[str, Any], value: object) -> None:
    numbers = cast("tuple[object, ...]", value if isinstance(value, tuple) else (value,))
    least, most = about["least"], about["most"]
    for number in numbers:
        if isinstance(number, int | float) and not least <= number <= most:
            is_open = most == sys.float_info.max
            range_ = f"{least:g} or more" if is_open else f"{least:g} to {most}"
            raise SettingsError(about["name"], f"{number:g} is out of range: write {range_}.")


def _truth(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def _list(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in _list(text))


_PARSERS: dict[object, Callable[[str], object]] = {
    int: int,
    float: float,
    bool: _truth,
    Path: lambda text: Path(text).expanduser(),
    tuple[str, ...]: _list,
    tuple[float, ...]: _numbers,
}
_KIND_WORDS: dict[object, str] = {
    int: "a whole number",
    float: "a number",
    bool: "yes or no (write 1 or 0)",
    tuple[float, ...]: "a list of numbers with commas between",
}
