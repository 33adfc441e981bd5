"""Every name that is logged, counted or traced is explained, and every explained one is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from scripts.fill_telemetry_page import PAGE, filled
from shared.telemetry import ACTIONS, FIELDS, METRICS, SPANS, MetricKind

ROOT = Path(__file__).parents[2]
PACKAGES = ("host", "adapters", "http_intake", "mail_ingest", "describer", "shared")
TREES = [
    ast.parse(file.read_text("utf-8"))
    for package in PACKAGES
    for file in sorted((ROOT / package).rglob("*.py"))
]
KIND_OF_CALL = {
    "count": MetricKind.COUNTER,
    "record": MetricKind.DISTRIBUTION,
    "gauge": MetricKind.GAUGE,
}


def test_every_action_of_a_log_line_is_explained_and_used() -> None:
    assert {action for tree in TREES for action in actions(tree)} == set(ACTIONS)


def test_every_field_of_a_log_line_is_explained_and_used() -> None:
    used = {field for tree in TREES for line in log_facts(tree) for field in constant_keys(line)}
    words = [word.arg for _, call in telemetry_calls("span", "set") for word in call.keywords]
    used |= {word for word in words if word}
    used -= {"action", "parent"}
    assert used <= set(FIELDS)
    assert set(FIELDS) - used <= {"trace_id"}  # the formatters add it


def test_every_metric_is_explained_and_used_as_what_it_is() -> None:
    used = {
        (name, KIND_OF_CALL[verb], frozenset(word.arg for word in call.keywords))
        for verb, call in telemetry_calls(*KIND_OF_CALL)
        for name in metric_names(call)
    }
    assert used == {(name, m.kind, frozenset(m.dimensions)) for name, m in METRICS.items()}


def test_every_span_is_explained_and_used() -> None:
    named = {name for _, call in telemetry_calls("span") for name in metric_names(call)}
    by_http = {name for name in SPANS if name.startswith("POST ")}
    assert named | by_http == set(SPANS)


def test_the_page_holds_the_tables_of_the_code() -> None:
    page = PAGE.read_text("utf-8")
    assert page == filled(page), "run: .venv/bin/python scripts/fill_telemetry_page.py"
    assert not [name for name in SPANS if f"`{name}`" not in page]


def actions(tree: ast.Module) -> Iterator[str]:
    """The words themselves, and those that a helper of the module puts into its dictionary."""
    helpers: set[str] = set()
    for function in functions(tree):
        for facts in log_facts(function):
            match action_of(facts):
                case ast.Constant(value=str(action)):
                    yield action
                case _:
                    helpers.add(function.name)
    for call in calls(tree):
        if isinstance(call.func, ast.Name) and call.func.id in helpers and call.args:
            first = call.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def log_facts(tree: ast.AST) -> Iterator[ast.Dict]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict) and "action" in constant_keys(node):
            yield node


def action_of(facts: ast.Dict) -> ast.expr | None:
    pairs = zip(facts.keys, facts.values, strict=True)
    return next(
        (value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "action"),
        None,
    )


def constant_keys(node: ast.Dict) -> list[str]:
    return [str(key.value) for key in node.keys if isinstance(key, ast.Constant)]


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def telemetry_calls(*verbs: str) -> Iterator[tuple[str, ast.Call]]:
    """Calls of these methods on something that is named telemetry, or on a span."""
    for tree in TREES:
        for call in calls(tree):
            function = call.func
            if not isinstance(function, ast.Attribute) or function.attr not in verbs:
                continue
            owner = ast.unparse(function.value).rpartition(".")[2].lstrip("_")
            if owner == ("span" if function.attr == "set" else "telemetry"):
                yield function.attr, call


def metric_names(call: ast.Call) -> Iterator[str]:
    first = call.args[0]
    if isinstance(first, ast.Constant):
        yield str(first.value)
