"""Health, the description, and the pages for people."""

from __future__ import annotations

import base64
import hashlib
import re
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


async def test_every_page_says_what_a_browser_may_do_with_it(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        pages = ["/", *(kind.uri for kind in CATALOGUE.values())]
        for address in pages:
            headers = (await door.client.get(address)).headers
            rules = set(headers["content-security-policy"].split("; "))
            assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= rules
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "no-referrer"


async def test_no_answer_is_taken_for_another_type_than_it_says(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        for address in ("/", "/openapi.yaml", "/health/ready", "/elsewhere", "/v1/submissions/x"):
            answer = await door.client.get(address)
            assert answer.headers["x-content-type-options"] == "nosniff", address


async def test_the_style_of_the_front_page_is_the_one_that_its_policy_allows(
    tmp_path: Path,
) -> None:
    async with open_door(tmp_path) as door:
        page = await door.client.get("/")
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]
    assert "<script" not in page.text


def test_the_description_lists_every_kind_of_problem() -> None:
    names = yaml.safe_load(DESCRIPTION.read_text("utf-8"))["components"]["schemas"]["ProblemName"]
    assert set(names["enum"]) == set(CATALOGUE)


def test_every_kind_of_problem_gives_advice() -> None:
    assert all(kind.advice.endswith(".") and kind.status >= 400 for kind in CATALOGUE.values())
