"""openapi.yaml lists what the code has: every address with its methods, and every closed list."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

import pytest
import yaml
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from http_intake.app import build_app
from http_intake.problem_types import CATALOGUE
from shared.model import Channel, Kind, LeftOutReason, MediaStatus, Outcome, OutcomeStatus
from shared.ports import SubmissionState
from tests.support.described_door import DESCRIPTION
from tests.support.http_door import open_door

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_METHODS = frozenset({"get", "put", "post", "delete", "patch"})
LISTS: dict[str, type[StrEnum]] = {
    "State": SubmissionState,
    "Kind": Kind,
    "LeftOut.reason": LeftOutReason,
    "Outcome.status": OutcomeStatus,
    "Outcome.reply.channel": Channel,
    "MediaOutcome.status": MediaStatus,
}
OTHER_LISTS = frozenset({"ProblemName", "Uploads.uploads.items.method"})


def described() -> dict[str, Any]:
    return yaml.safe_load(DESCRIPTION.read_text("utf-8"))


def described_routes(description: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (method.upper(), path)
        for path, operations in description["paths"].items()
        for method in operations
        if method in _METHODS
    }


def served_routes(app: Starlette) -> set[tuple[str, str]]:
    """HEAD comes with every GET (RFC 9110 9.3.2) and is not described by itself."""
    return {
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set[str]()) - {"HEAD"}
    }


def described_lists(description: dict[str, Any]) -> dict[str, set[str]]:
    return dict(_lists(description["components"]["schemas"], ""))


def _lists(node: Any, place: str) -> Iterator[tuple[str, set[str]]]:
    if not isinstance(node, dict):
        return
    members = cast("dict[str, Any]", node)
    if isinstance(members.get("enum"), list):
        yield place, set(members["enum"])
    for name, value in members.items():
        below = place if name in ("properties",) else f"{place}.{name}".strip(".")
        yield from _lists(value, below)


def enums_in(kind: type) -> set[type[StrEnum]]:
    """The closed lists of a wire type, and of the types in it."""
    found: set[type[StrEnum]] = set()
    hints = get_type_hints(kind)
    waiting: list[Any] = [hints[each.name] for each in fields(kind)]
    while waiting:
        hint = waiting.pop()
        waiting += get_args(hint)
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            found.add(hint)
        elif isinstance(hint, type) and is_dataclass(hint):
            found |= enums_in(hint)
    return found


async def test_every_address_is_described_and_every_described_one_is_served(
    tmp_path: Path,
) -> None:
    async with open_door(tmp_path) as door:
        app = build_app(door.doors)
    assert served_routes(app) == described_routes(described())


async def test_an_address_that_is_not_described_is_found(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        app = build_app(door.doors)
    app.add_route("/v1/new", lambda _: Response(), methods=["POST"])
    assert served_routes(app) - described_routes(described()) == {("POST", "/v1/new")}


@pytest.mark.parametrize("place", LISTS)
def test_a_described_list_is_the_one_of_the_code(place: str) -> None:
    assert described_lists(described())[place] == set(LISTS[place])


def test_the_problems_are_those_of_the_catalogue() -> None:
    assert described_lists(described())["ProblemName"] == set(CATALOGUE)


def test_every_described_list_is_compared() -> None:
    assert set(described_lists(described())) == LISTS.keys() | OTHER_LISTS


def test_every_closed_list_of_an_outcome_is_described() -> None:
    assert enums_in(Outcome) <= set(LISTS.values())
    assert LeftOutReason in enums_in(Outcome)
