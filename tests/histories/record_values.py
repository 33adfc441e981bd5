"""Writes down what this release stores: an example of each stored type, and the names.

    python -m tests.histories.record_values

It is run before a release. A type that has gained fields gets one example more, and a name that is
new is added; what is there stays, for what an older release has stored stays too.
"""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

from shared.codec import to_json
from tests.support.histories import holds
from tests.support.stored_values import (
    NAMES,
    TYPES,
    VALUES,
    load_examples,
    load_names,
    names_of_today,
)

_PLAIN: dict[Any, Any] = {str: "a text", int: 7, float: 1.5, bool: True}


def example_of(kind: Any) -> dict[str, Any]:
    """A value of a stored type with all its fields, and one with only those that it must have."""
    full = json.loads(to_json(_value_of(kind)))
    return {"full": full, "least": _least_of(full, kind)}


def _value_of(kind: Any) -> Any:
    if isinstance(kind, TypeAliasType):
        return _value_of(kind.__value__)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        defaults = {it.name: it.default for it in fields(kind)}
        return kind(
            **{
                name: defaults[name] if name == "schema" else _value_of(hint)
                for name, hint in hints.items()
            }
        )
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next(iter(kind))
    return _PLAIN[kind] if kind in _PLAIN else _composed(get_origin(kind), get_args(kind))


def _composed(origin: Any, parts: tuple[Any, ...]) -> Any:
    if origin in {Union, UnionType}:
        return _value_of(next(it for it in parts if it is not NoneType))
    if origin is Literal:
        return parts[0]
    if origin is tuple:
        return tuple(_value_of(it) for it in parts if it is not ...)
    return {"name": "a value"}  # the one type that is left: a JSON object


def _least_of(full: dict[str, Any], kind: Any) -> dict[str, Any]:
    """Of a value, the fields without a default."""
    hints = get_type_hints(kind)
    needed = [it for it in fields(kind) if it.default is MISSING and it.default_factory is MISSING]
    return {
        it.name: _least_of(full[it.name], hints[it.name])
        if is_dataclass(hints[it.name])
        else full[it.name]
        for it in needed
    }


def main() -> None:
    """Add what is new."""
    releases = load_examples()
    known = {name: example["full"] for release in releases for name, example in release.items()}
    examples = {name: example_of(kind) for name, kind in TYPES.items()}
    new = {
        name: example
        for name, example in examples.items()
        if name not in known or not holds(known[name], example["full"])
    }
    if new:
        _write(VALUES / f"{len(releases) + 1}.json", json.dumps(new, indent=1))
    for what, names in names_of_today().items():
        file = NAMES / f"{what}.txt"
        used = load_names(what) if file.exists() else []
        if more := [it for it in names if it not in used]:
            _write(file, "\n".join(used + more))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{text}\n", "utf-8")
    sys.stdout.write(f"{file.parent.name}/{file.name}\n")


if __name__ == "__main__":
    main()
