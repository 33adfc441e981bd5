"""The recorded histories know every step: none can be left out, doubled, moved or decided otherwise
without their telling so.
"""

from __future__ import annotations

import ast
import copy
import inspect
from itertools import count
from types import ModuleType
from typing import TYPE_CHECKING, override

from shared import orchestrators
from tests.support.histories import FOLDER, check_orchestrator, load_recordings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RECORDINGS = load_recordings(FOLDER)
# What asks an engine for something. Waiting twice for what has come is no other step.
ASKS = {
    *("_call", "_tell", "_escalate", "_reply", "_process", "_publish_accepted", "_describe"),
    "create_timer",
}


def test_every_step_that_is_changed_is_noticed() -> None:
    changes = list(_changes(inspect.getsource(orchestrators)))
    assert len(changes) > 40
    assert [what for what, changed in changes if not _is_noticed(changed)] == []


def _is_noticed(tree: ast.Module) -> bool:
    module = ModuleType("changed")
    exec(compile(ast.fix_missing_locations(tree), "changed", "exec"), vars(module))  # noqa: S102
    return any(check_orchestrator(it, RECORDINGS) for it in module.ORCHESTRATORS)


def _changes(source: str) -> Iterator[tuple[str, ast.Module]]:
    for change in (_LeaveOut, _Double, _Decide):
        for place in count():
            tree = ast.parse(source)
            changer = change(place)
            changer.visit(tree)
            if not changer.what:
                break
            yield changer.what, tree
    yield from _moves(ast.parse(source))


class _Change(ast.NodeTransformer):
    """Changes the place-th node that it can change, and says which in `what`."""

    def __init__(self, place: int) -> None:
        self.what = ""
        self._left = place

    def _at[N: ast.expr](self, node: N, change: Callable[[N], ast.expr]) -> ast.expr:
        self.generic_visit(node)
        self._left -= 1
        if self._left != -1:
            return node
        self.what = f"{type(self).__name__} line {node.lineno}: {ast.unparse(node)}"
        return ast.copy_location(change(node), node)


class _LeaveOut(_Change):
    @override
    def visit_Yield(self, node: ast.Yield) -> ast.expr:
        return self._at(node, lambda _: ast.Constant(None))

    @override
    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.expr:
        return self._at(node, lambda _: ast.Constant(None))


class _Double(_Change):
    @override
    def visit_Yield(self, node: ast.Yield) -> ast.expr:
        return self._at(node, _twice) if _asks(node) else node

    @override
    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.expr:
        return self._at(node, _twice) if _asks(node) else node


class _Decide(_Change):
    @override
    def visit_If(self, node: ast.If) -> ast.If:
        node.test = self._at(node.test, lambda test: ast.UnaryOp(ast.Not(), test))
        self.generic_visit(node)
        return node

    @override
    def visit_IfExp(self, node: ast.IfExp) -> ast.IfExp:
        node.test = self._at(node.test, lambda test: ast.UnaryOp(ast.Not(), test))
        self.generic_visit(node)
        return node


def _twice(node: ast.expr) -> ast.expr:
    both = ast.Tuple([copy.deepcopy(node), node], ast.Load())
    return ast.Subscript(both, ast.Constant(1), ast.Load())


def _asks(node: ast.AST) -> bool:
    calls = (it.func for it in ast.walk(node) if isinstance(it, ast.Call))
    names = {getattr(it, "id", "") or getattr(it, "attr", "") for it in calls}
    return bool(names & ASKS)


def _moves(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """Two statements that follow on one another, in the other order."""
    for node in ast.walk(tree):
        body: list[ast.stmt] = getattr(node, "body", []) if isinstance(node, ast.stmt) else []
        for place in range(len(body) - 1):
            if _asks(body[place]) and _asks(body[place + 1]):
                body[place : place + 2] = reversed(body[place : place + 2])
                yield f"moved: {ast.unparse(body[place])}", copy.deepcopy(tree)
                body[place : place + 2] = reversed(body[place : place + 2])
