"""The same Idempotency-Key again: the first answer and one submission, whatever happened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from http_intake.doors import HttpSettings
from shared.errors import ServiceUnavailableError
from tests.support.http_door import JPEG, MAIL, MP4, Door, open_door
from tests.support.raw_http import FORM_TYPE, connected, form_part, head

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    import pytest


async def post(door: Door, content: bytes, key: str | None = "k-1") -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await door.client.post(
        "/v1/submissions", files={"a": ("a", content)}, headers=headers, timeout=30
    )


async def test_the_same_key_gives_the_first_answer_whatever_the_body(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        first, second = await post(door, JPEG), await post(door, MP4 * 100)
        assert first.status_code == second.status_code == 202
        assert first.content == second.content
        assert first.headers["location"] == second.headers["location"]
        status = (await door.client.get(first.headers["location"])).json()
        assert [item["kind"] for item in status["media"]] == ["photo"]
        assert await door.services.queue.depth() == 1


async def test_without_a_key_every_request_is_a_submission_of_its_own(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        first, second = await post(door, JPEG, None), await post(door, JPEG, None)
        assert first.json()["id"] != second.json()["id"]
        assert await door.services.queue.depth() == 2


async def test_the_two_doors_have_keys_of_their_own(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        headers = {"Idempotency-Key": "k-1", "Content-Type": "message/rfc822"}
        mail = await door.client.post("/v1/emails", content=MAIL, headers=headers)
        form = await post(door, JPEG)
        assert mail.json()["id"] != form.json()["id"]


async def test_requests_at_the_same_time_under_one_key_are_one_submission(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        answers = await asyncio.gather(*(post(door, JPEG + bytes([n])) for n in range(8)))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.content for answer in answers}) == 1
        assert await door.services.queue.depth() == 1
        assert len([name for name in await door.blobs() if "/media/" in name]) == 1


async def test_a_request_waits_for_the_one_on_the_way_and_takes_over_when_it_dies(
    tmp_path: Path,
) -> None:
    async with open_door(tmp_path) as door, connected(door.port) as dying:
        fields = {"Content_Type": FORM_TYPE, "Content_Length": "99999", "Idempotency_Key": "k-1"}
        await dying.send(head("POST", "/v1/submissions", **fields) + form_part("a", MP4, "a"))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(post(door, JPEG))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        dying.reset()
        answer = await waiting
        assert answer.status_code == 202
        status = (await door.client.get(answer.headers["location"])).json()
        assert [item["kind"] for item in status["media"]] == ["photo"]


async def test_waiting_for_ones_turn_does_not_count_as_being_slow(tmp_path: Path) -> None:
    settings = HttpSettings(read_timeout_s=0.6)
    async with open_door(tmp_path, settings) as door, connected(door.port) as stalling:
        fields = {"Content_Type": FORM_TYPE, "Content_Length": "99999", "Idempotency_Key": "k-1"}
        await stalling.send(head("POST", "/v1/submissions", **fields) + form_part("a", MP4, "a"))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(post(door, JPEG))
        await asyncio.sleep(0.4)
        await stalling.send(form_part("b", JPEG, "b"))  # from now on 0.6 s more
        assert (await waiting).status_code == 202
        assert (await stalling.answer()).status == 408


async def test_a_repetition_finishes_what_a_crash_after_the_record_left_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_args: object, **_kwargs: object) -> None:
        raise ServiceUnavailableError("queue")

    async with open_door(tmp_path) as door:
        with monkeypatch.context() as patch:
            patch.setattr(type(door.services.queue), "send", fail)
            assert (await post(door, JPEG)).status_code == 503
        assert await door.services.queue.depth() == 0
        assert (await post(door, JPEG)).status_code == 202
        assert await door.services.queue.depth() == 1
        assert any("/media/" in name for name in await door.blobs())
