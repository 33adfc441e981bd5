"""Paths into the JSON answer of a service: JSON Pointer (RFC 6901) with two additions.

``/a/0/b``  as in RFC 6901, with ``~1`` for a slash and ``~0`` for a tilde in a name
``/a/*/b``  ``*`` stands for every element of a list, or every value of an object
``../c``    of an element that `*` found, one step up: its list, then what holds the list
``""``      the value itself
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from describer.providers.json_values import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the answer, and the way to it."""

    value: Any
    parent: Node | None = None


def find(root: Node, path: str) -> Iterator[Node]:
    """Every value that the path names, in the order of the answer."""
    nodes = [root]
    for step in steps(path):
        nodes = [found for node in nodes for found in _step(node, step)]
    yield from nodes


def first(root: Node, path: str) -> Any:
    """The first value that the path names, or None."""
    return next((node.value for node in find(root, path)), None)


def exists(root: Node, path: str) -> bool:
    """Whether the answer has what the path names; an empty list before a `*` is there too."""
    fixed = path.split("/*", 1)[0]
    return any(True for _ in find(root, fixed))


def steps(path: str) -> tuple[str, ...]:
    """The steps of a path. Raises ValueError when it is none."""
    if not path:
        return ()
    if not path.startswith(("/", "..")):
        raise ValueError(f"{path!r} must start with / or ..")
    return tuple(
        step.replace("~1", "/").replace("~0", "~") for step in path.removeprefix("/").split("/")
    )


def _step(node: Node, step: str) -> Iterator[Node]:
    if step == "..":
        if node.parent is not None:
            yield node.parent
    elif (items := as_list(node.value)) is not None:
        for item in _items(items, step):
            yield Node(item, node)
    elif (members := as_object(node.value)) is not None:
        for member in members.values() if step == "*" else _member(members, step):
            yield Node(member, node)


def _items(items: list[Any], step: str) -> list[Any]:
    if step == "*":
        return items
    index = int(step) if step.isascii() and step.isdigit() else len(items)
    return items[index : index + 1]


def _member(members: dict[str, Any], name: str) -> list[Any]:
    return [members[name]] if name in members else []
