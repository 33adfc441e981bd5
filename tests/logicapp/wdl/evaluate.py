"""What expressions mean while a run is under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tests.logicapp.wdl.content import as_text
from tests.logicapp.wdl.expressions import (
    Call,
    Json,
    Literal,
    Node,
    Select,
    WorkflowError,
    template,
)
from tests.logicapp.wdl.functions import PURE

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True, kw_only=True)
class Values:
    """What expressions can see: `outputs` by action, `items` by loop."""

    parameters: Mapping[str, Any]
    trigger: Any = None
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    items: dict[str, Any] = field(default_factory=dict[str, Any])

    def resolve(self, node: Json) -> Any:
        """A piece of a definition with its expressions worked out. Raises WorkflowError."""
        match node:
            case dict():
                return {name: self.resolve(value) for name, value in node.items()}
            case list():
                return [self.resolve(value) for value in node]
            case str():
                return self._text(template(node))
            case _:
                return node

    def _text(self, pieces: list[str | Node]) -> Any:
        values = [piece if isinstance(piece, str) else self._value(piece) for piece in pieces]
        return values[0] if len(values) == 1 else "".join(as_text(value) for value in values)

    def _value(self, node: Node) -> Any:
        match node:
            case Literal(value):
                return value
            case Select(target, key, optional):
                return _member(self._value(target), self._value(key), optional=optional)
            case Call(name, arguments):
                return self._call(name.lower(), [self._value(each) for each in arguments])

    def _call(self, name: str, arguments: list[Any]) -> Any:
        match name, arguments:
            case "parameters", [parameter]:
                return _member(self.parameters, parameter, optional=False)
            case "triggerbody", []:
                return self.trigger
            case "items", [loop]:
                return _member(self.items, loop, optional=False)
            case "outputs", [action]:
                return _member(self.outputs, action, optional=False)
            case "body", [action]:
                return _member(self._call("outputs", [action]), "body", optional=True)
            case _ if name in PURE:
                return PURE[name].call(*arguments)
            case _:
                raise WorkflowError(f"{name}() is not in the subset, or called wrongly")


def _member(target: Any, key: Any, *, optional: bool) -> Any:
    if target is None and optional:
        return None
    if not isinstance(target, dict):
        raise WorkflowError(f"{key!r} cannot be selected of {type(target).__name__}")
    members = cast("dict[Any, Any]", target)
    if key not in members and not optional:
        raise WorkflowError(f"there is no {key!r}")
    return members.get(key)
