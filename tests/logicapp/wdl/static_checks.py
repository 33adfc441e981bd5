"""What can be seen in a definition without running it: names, order, expressions, shapes.

Azure refuses most of it at deployment, and some only when an action runs, which for an action that
handles failures may be months later.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.logicapp.wdl.expressions import (
    Call,
    Literal,
    Node,
    Select,
    WorkflowError,
    expressions,
)
from tests.logicapp.wdl.functions import CONTEXT, PURE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

type Actions = Mapping[str, Any]

_CALLING = {"inputs", "operationOptions", "runtimeConfiguration"}
_MEMBERS = {
    "Http": _CALLING,
    "ApiConnection": _CALLING,
    "Scope": {"actions"},
    "If": {"expression", "actions", "else"},
    "Foreach": {"foreach", "actions", "runtimeConfiguration"},
    "Terminate": {"inputs"},
}
_INPUTS = {
    "Http": {"method", "uri", "headers", "queries", "body", "authentication", "retryPolicy"},
    "ApiConnection": {"host", "method", "path", "queries", "body", "retryPolicy"},
    "Terminate": {"runStatus", "runError"},
}
_STATUSES = {"Succeeded", "Failed", "Skipped", "TimedOut"}
_LONGEST_NAME = 80
_MOST_ACTIONS = 500


@dataclass(frozen=True, slots=True)
class Placed:
    """An action where it stands: its block, and the actions around it from the inside out."""

    name: str
    action: Actions
    block: Actions
    around: tuple[Placed, ...] = ()


def check(definition: Mapping[str, Any]) -> list[str]:
    """What is wrong with a definition, a sentence each; nothing when all is well. Each look relies
    on what the one before it found in order.
    """
    placed = list(_places(definition["actions"]))
    return (
        [*_structure(placed)]
        or [*_all_expressions(definition, placed)]
        or [*_unused_parameters(definition)]
    )


def _structure(placed: Sequence[Placed]) -> Iterator[str]:
    for name, count in Counter(each.name for each in placed).items():
        if count > 1:
            yield f"{name}: there are {count} of this name"
    if len(placed) > _MOST_ACTIONS:
        yield f"there are more than {_MOST_ACTIONS} actions"
    for each in placed:
        yield from (f"{each.name}: {what}" for what in (*_shape(each), *_order(each)))


def _places(actions: Actions, around: tuple[Placed, ...] = ()) -> Iterator[Placed]:
    for name, action in actions.items():
        here = Placed(name, action, actions, around)
        yield here
        for inner in (action.get("actions", {}), action.get("else", {}).get("actions", {})):
            yield from _places(inner, (here, *around))


def _shape(each: Placed) -> Iterator[str]:
    kind = each.action.get("type", "")
    if kind not in _MEMBERS:
        yield f"the type {kind!r} is not in the subset"
        return
    known = {"type", "runAfter", "description", *_MEMBERS[kind]}
    yield from (f"it has no member {member!r}" for member in sorted(set(each.action) - known))
    extra = set(each.action.get("inputs", {})) - _INPUTS.get(kind, set())
    yield from (f"its inputs have no member {member!r}" for member in sorted(extra))
    if len(each.name) > _LONGEST_NAME:
        yield f"its name is longer than {_LONGEST_NAME} characters"
    if kind == "Terminate" and any(outer.action["type"] == "Foreach" for outer in each.around):
        yield "Terminate is not allowed inside of Foreach"


def _order(each: Placed) -> Iterator[str]:
    for name, statuses in each.action.get("runAfter", {}).items():
        if name not in each.block:
            yield f"runAfter names {name!r}, which is not beside it"
        if not statuses or set(statuses) - _STATUSES:
            yield f"runAfter {name!r} has the statuses {statuses}"
    if each.name in _before(each.name, each.block):
        yield "runAfter goes round in a circle"


def _before(name: str, block: Actions) -> set[str]:
    """The actions of a block that have always ended when one of it begins."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        earlier = set(block.get(waiting.pop(), {}).get("runAfter", {})) - found
        found |= earlier
        waiting += sorted(earlier)
    return found


def _ended_before(each: Placed) -> set[str]:
    """All actions that have ended, or were skipped, when one begins."""
    found: set[str] = set()
    for here in (each, *each.around):
        for name in _before(here.name, here.block):
            found.add(name)
            found |= {inner.name for inner in _places(here.block[name].get("actions", {}))}
    return found


def _all_expressions(definition: Mapping[str, Any], placed: Iterable[Placed]) -> Iterator[str]:
    parameters = set(definition["parameters"])
    for name, trigger in definition["triggers"].items():
        yield from _expressions(name, trigger, parameters, ended=set(), loops=set())
    for each in placed:
        own = {name: each.action[name] for name in each.action if name not in ("actions", "else")}
        loops = {outer.name for outer in each.around if outer.action["type"] == "Foreach"}
        yield from _expressions(each.name, own, parameters, ended=_ended_before(each), loops=loops)


def _expressions(
    where: str, node: Any, parameters: set[str], *, ended: set[str], loops: set[str]
) -> Iterator[str]:
    try:
        calls = [call for found in expressions(node) for call in _calls(found)]
    except WorkflowError as exc:
        yield f"{where}: {exc}"
        return
    seen = {"parameters": parameters, "outputs": ended, "body": ended, "items": loops}
    for call in calls:
        name = call.name.lower()
        if what := _wrong_use(name, len(call.arguments)):
            yield f"{where}: {what}"
        elif name in seen and not _names_one_of(call, seen[name]):
            yield f"{where}: {name}() names nothing that it can see"


def _calls(node: Node) -> Iterator[Call]:
    match node:
        case Call(_, arguments):
            yield node
            for argument in arguments:
                yield from _calls(argument)
        case Select(target, key, _):
            yield from (*_calls(target), *_calls(key))
        case Literal():
            return


def _wrong_use(name: str, count: int) -> str:
    if name in CONTEXT:
        return "" if count == CONTEXT[name] else f"{name}() takes {CONTEXT[name]} arguments"
    if name not in PURE:
        return f"there is no function {name}()"
    function = PURE[name]
    return "" if function.least <= count <= function.most else f"{name}() has {count} arguments"


def _names_one_of(call: Call, names: set[str]) -> bool:
    match call.arguments:
        case (Literal(value),):
            return value in names
        case _:
            return False


def _unused_parameters(definition: Mapping[str, Any]) -> Iterator[str]:
    parts = (definition["triggers"], definition["actions"])
    calls = [call for part in parts for found in expressions(part) for call in _calls(found)]
    used = [call for call in calls if call.name.lower() == "parameters"]
    for name in definition["parameters"]:
        if not any(_names_one_of(call, {name}) for call in used):
            yield f"the parameter {name} is never used"
