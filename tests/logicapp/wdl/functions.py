"""The functions that our workflows call: how many arguments each takes, and what it gives."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.logicapp.wdl.content import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 100


@dataclass(frozen=True, slots=True)
class Function:
    """A pure function, and the least and the most arguments that it takes."""

    least: int
    most: int
    call: Callable[..., Any]


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _contains(collection: list[Any], value: Any) -> bool:
    return value in collection


def _array(*values: Any) -> list[Any]:
    return list(values)


def _encode(value: Any) -> str:
    return quote(as_text(value), safe="-_.!~*'()")  # as encodeURIComponent of JavaScript


PURE = {
    "coalesce": Function(1, MANY, _coalesce),
    "contains": Function(2, 2, _contains),
    "createarray": Function(1, MANY, _array),
    "encodeuricomponent": Function(1, 1, _encode),
    "equals": Function(2, 2, operator.eq),
}
CONTEXT = {"parameters": 1, "triggerbody": 0, "body": 1, "outputs": 1, "items": 1}
