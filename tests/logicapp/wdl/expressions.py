"""Reads expressions: ``@body('A')?['id']`` and text with ``@{...}`` in it, into small trees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

_TOKEN = re.compile(r"\s*(?:(?P<number>\d+)|'(?P<text>(?:[^']|'')*)'|(?P<word>\w+)|(?P<mark>.))")
_INTERPOLATED = re.compile(r"@\{((?:[^}']|'[^']*')*)\}")


class WorkflowError(Exception):
    """What Azure would refuse, at deployment or when the action runs."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it stands."""

    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; names of functions are case-insensitive."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """``target[key]``, or ``target?[key]``, which gives null where there is nothing."""

    target: Node
    key: Node
    optional: bool


type Node = Literal | Call | Select
type Json = dict[str, Json] | list[Json] | str | float | bool | None


class _Token(NamedTuple):
    kind: str
    text: str


def parse(source: str) -> Node:
    """One expression, without its ``@``. Raises WorkflowError."""
    return _Parser(source).whole()


def template(text: str) -> list[str | Node]:
    """A string of a definition in its pieces; a single Node when it is one expression."""
    if text.startswith("@@"):
        return [text[1:]]
    if text.startswith("@") and not text.startswith("@{"):
        return [parse(text[1:])]
    pieces = _INTERPOLATED.split(text)  # literal, expression, literal, ...
    if any("@{" in literal for literal in pieces[::2]):
        raise WorkflowError(f"an expression in {text!r} does not end")
    return [parse(piece) if at % 2 else piece for at, piece in enumerate(pieces)]


def expressions(node: Json) -> list[Node]:
    """Every expression in a piece of a definition. Raises WorkflowError."""
    match node:
        case dict():
            return [each for value in node.values() for each in expressions(value)]
        case list():
            return [each for value in node for each in expressions(value)]
        case str():
            return [piece for piece in template(node) if not isinstance(piece, str)]
        case _:
            return []


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        found = _TOKEN.finditer(source.rstrip())
        self._tokens = [
            _Token(match.lastgroup or "", match[match.lastgroup or 0]) for match in found
        ]
        self._at = 0

    def whole(self) -> Node:
        node = self._expression()
        if self._next() is not None:
            raise self._wrong()
        return node

    def _expression(self) -> Node:
        node = self._atom()
        while (token := self._next()) in (_Token("mark", "?"), _Token("mark", "[")):
            optional = token == _Token("mark", "?")
            if optional:
                self._at += 1
            self._take("[")
            key = self._expression()
            self._take("]")
            node = Select(node, key, optional)
        return node

    def _atom(self) -> Node:
        token = self._next()
        self._at += 1
        match token:
            case _Token("number", text):
                return Literal(int(text))
            case _Token("text", text):
                return Literal(text.replace("''", "'"))
            case _Token("word", name):
                return Call(name, self._arguments())
            case _:
                raise self._wrong()

    def _arguments(self) -> tuple[Node, ...]:
        self._take("(")
        arguments: list[Node] = []
        while self._next() != _Token("mark", ")"):
            if arguments:
                self._take(",")
            arguments.append(self._expression())
        self._take(")")
        return tuple(arguments)

    def _next(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, mark: str) -> None:
        if self._next() != _Token("mark", mark):
            raise self._wrong()
        self._at += 1

    def _wrong(self) -> WorkflowError:
        return WorkflowError(f"the expression {self._source!r} cannot be read at token {self._at}")
