"""Health, the description, and the pages for people."""

from __future__ import annotations

from pathlib import Path

import yaml

from http_intake.doors import Readiness
from http_intake.problem_types import CATALOGUE
from tests.support.http_door import open_door

DESCRIPTION = Path(__file__).parents[3] / "http_intake" / "openapi.yaml"


async def test_health_tells_what_is_missing_and_what_wants_a_look(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        assert (await door.client.get("/health/live")).json() == {"status": "live"}
        door.readiness = Readiness(ready=True, warnings=("One was given up.",), dead_letters=1)
        ready = await door.client.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["dead_letters"] == 1
        door.readiness = Readiness(ready=False, reasons=("The disk is full.",))
        unready = await door.client.get("/health/ready")
        assert unready.status_code == 503
        assert unready.json()["reasons"] == ["The disk is full."]


async def test_the_description_and_the_pages_are_served(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        description = await door.client.get("/openapi.yaml")
        assert description.headers["content-type"] == "application/yaml"
        assert description.content == DESCRIPTION.read_bytes()
        front_page = await door.client.get("/")
        assert "POST /v1/submissions" in front_page.text
        for kind in CATALOGUE.values():
            page = await door.client.get(kind.uri)
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert kind.title in page.text


def test_the_description_lists_every_kind_of_problem() -> None:
    names = yaml.safe_load(DESCRIPTION.read_text("utf-8"))["components"]["schemas"]["ProblemName"]
    assert set(names["enum"]) == set(CATALOGUE)


def test_every_kind_of_problem_gives_advice() -> None:
    assert all(kind.advice.endswith(".") and kind.status >= 400 for kind in CATALOGUE.values())
