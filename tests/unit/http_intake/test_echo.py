"""However much a client sends, an answer repeats only a little of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from http_intake.doors import HttpSettings
from http_intake.echo import shortened
from tests.support.http_door import KEYS, MAIL, Door, open_door
from tests.support.uploads import EveryUpload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

LONG = "x" * 20_000
MOST_BYTES = 1500

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Door]:
    settings = HttpSettings(keys=KEYS)
    async with open_door(tmp_path_factory.mktemp("door"), settings, uploads=EveryUpload) as door:
        yield door


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/{LONG}", 404),
        ("GET", f"/%C3%A6{'%E2%82%AC' * 2000}", 404),
        ("GET", f"/v1/submissions/{LONG}", 404),
        ("GET", f"/problems/{LONG}", 404),
        ("POST", f"/v1/submissions/{LONG}", 405),
    ],
)
async def test_a_long_target_is_not_repeated_whole(
    door: Door, method: str, path: str, status: int
) -> None:
    answer = await door.client.request(method, path)
    assert answer.status_code == status
    assert len(answer.content) < MOST_BYTES
    assert path.startswith(answer.json()["instance"][:40])


@pytest.mark.parametrize("path", ["/v1/submissions", "/v1/emails", "/v1/uploads"])
async def test_a_long_media_type_is_not_repeated_whole(door: Door, path: str) -> None:
    headers = {"Content-Type": f"text/{LONG}"}
    answer = await door.client.post(path, content=b"x", headers=headers)
    assert answer.status_code == 415
    assert "The body is text/xxx" in answer.json()["detail"]
    assert len(answer.content) < MOST_BYTES


async def test_a_long_name_in_json_is_not_repeated_whole(door: Door) -> None:
    answer = await door.client.post("/v1/submissions", json={LONG: 1})
    assert answer.status_code == 422
    assert "unknown field `xxx" in answer.json()["detail"]
    assert len(answer.content) < MOST_BYTES


async def test_a_host_that_no_name_can_have_is_refused(door: Door) -> None:
    headers = {"Host": LONG, "Content-Type": "message/rfc822"}
    answer = await door.client.post("/v1/emails", content=MAIL, headers=headers)
    assert answer.status_code == 400
    assert "Host is longer" in answer.json()["detail"]
    assert len(answer.content) < MOST_BYTES


async def test_what_is_short_is_repeated_as_it_is() -> None:
    assert shortened("x" * 100) == "x" * 100
    assert shortened("x" * 101) == "x" * 99 + "…"
