"""Holds the calls of a workflow to the descriptions of the services that it calls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tests.logicapp.wdl.expressions import Call, Literal, Node, Select, expressions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.logicapp.wdl.descriptions import Operation

CONNECTION = "$connections"
_EXPRESSION = re.compile(r"@\{[^}]*\}")
_BASE = re.compile(r"@\{parameters\('(\w+)'\)\}")


@dataclass(frozen=True, slots=True)
class Calling:
    """An action or a trigger that calls a service: which, by the parameter that holds its URL."""

    name: str
    action: Mapping[str, Any]
    service: str
    path: str

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Its inputs."""
        return self.action["inputs"]


def callings(definition: Mapping[str, Any]) -> list[Calling]:
    """Every call of a definition."""
    return [*_callings(definition["triggers"]), *_callings(definition["actions"])]


def check(calls: Iterable[Calling], operations: Iterable[Operation]) -> list[str]:
    """What is wrong with some calls of one service, a sentence each."""
    known = list(operations)
    return [f"{call.name}: {what}" for call in calls for what in _check(call, known)]


def fields_used(definition: Mapping[str, Any]) -> set[str]:
    """The members of a message that expressions select, such as ``triggerBody()?['id']``."""
    actions = definition["actions"]
    return {field for node in expressions(actions) for field in _fields(node)}


def _callings(actions: Mapping[str, Any]) -> Iterator[Calling]:
    for name, action in actions.items():
        match action:
            case {"type": "ApiConnection", "inputs": {"path": str(path)}}:
                yield Calling(name, action, CONNECTION, _EXPRESSION.sub("x", path))
            case {"type": "Http", "inputs": {"uri": str(uri)}}:
                base = _BASE.match(uri)
                path = _EXPRESSION.sub("x", uri[base.end() :]) if base else uri
                yield Calling(name, action, base[1] if base else "", path)
            case _:
                yield from _callings(action.get("actions", {}))
                yield from _callings(action.get("else", {}).get("actions", {}))


def _check(call: Calling, operations: list[Operation]) -> Iterator[str]:
    method = call.inputs["method"].lower()
    found = [
        each for each in operations if each.method == method and each.path.fullmatch(call.path)
    ]
    if not found:
        yield f"there is no operation {method.upper()} {call.path}"
        return
    operation = found[0]
    if operation.deprecated:
        yield f"{operation.name} is deprecated"
    yield from _names(operation.name, "query", call.inputs.get("queries", {}), operation.queries)
    headers = {
        name: value
        for name, value in call.inputs.get("headers", {}).items()
        if name not in ("Content-Type", "Prefer")
    }
    yield from _names(operation.name, "header field", headers, operation.headers)
    yield from _body(call, operation)


def _names(
    operation: str, kind: str, given: Mapping[str, Any], known: Mapping[str, bool]
) -> Iterator[str]:
    for name in sorted(set(given) - set(known)):
        yield f"{operation} has no {kind} {name!r}"
    for name in sorted(name for name, required in known.items() if required):
        if name not in given:
            yield f"{operation} needs the {kind} {name!r}"


def _body(call: Calling, operation: Operation) -> Iterator[str]:
    body = call.inputs.get("body")
    if isinstance(body, dict):
        members = cast("Mapping[str, Any]", body)
        yield from _names(operation.name, "member", members, operation.body)
    declared = call.inputs.get("headers", {}).get("Content-Type")
    if declared and declared not in operation.media_types:
        yield f"{operation.name} does not take {declared}"


def _fields(node: Node) -> Iterator[str]:
    match node:
        case Select(Call(name, _), Literal(field), _) if name.lower() in ("triggerbody", "items"):
            yield field
        case Call(_, arguments):
            for argument in arguments:
                yield from _fields(argument)
        case Select(target, _, _):
            yield from _fields(target)
        case Literal():
            return
