"""POST /v1/submissions over a real socket: what is taken, and what is left out."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from http_intake.doors import HttpSettings
from mail_ingest.collect import MediaLimits
from shared.codec import to_json
from shared.intake import outcome_name
from shared.model import Channel, Outcome, OutcomeStatus
from shared.ports import SubmissionState
from tests.support.http_door import JPEG, KEYS, MP4, PDF, Door, open_door
from tests.support.raw_http import FORM_END, FORM_TYPE, form_part

if TYPE_CHECKING:
    from pathlib import Path


async def post_body(door: Door, *parts: bytes) -> dict[str, Any]:
    """Post a form that is written by hand; the answer to GET."""
    posted = await door.client.post(
        "/v1/submissions",
        content=b"".join(parts) + FORM_END,
        headers={"Content-Type": FORM_TYPE},
    )
    assert posted.status_code == 202, posted.text
    return (await door.client.get(posted.json()["status_url"])).json()


async def test_a_photo_is_taken_and_its_state_can_be_asked_for(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        answer = await door.client.post(
            "/v1/submissions",
            files={"photo": ("storm.jpg", JPEG, "image/jpeg")},
            data={"reference": "R-1", "text": "Storm", "callback_url": "https://example.org/x"},
        )
        assert answer.status_code == 202, answer.text
        accepted = answer.json()
        assert answer.headers["location"] == accepted["status_url"]
        assert accepted["status_url"] == f"{door.url}/v1/submissions/{accepted['id']}"
        status = (await door.client.get(accepted["status_url"])).json()
        assert status["state"] == "accepted"
        assert status["reference"] == "R-1"
        assert status["media"] == [
            {
                "number": 1,
                "kind": "photo",
                "file_name": "storm.jpg",
                "media_type": "image/jpeg",
                "size": len(JPEG),
                "sha256": hashlib.sha256(JPEG).hexdigest(),
            }
        ]
        record = await door.services.intake.known(accepted["id"])
        assert record is not None
        assert record.answer_to.channel is Channel.WEBHOOK
        assert record.answer_to.target == "https://example.org/x"
        assert record.text == "Storm"
        assert record.client == record.submitter.display_name == "local"
        assert await door.services.blobs.get(record.media[0].blob) == JPEG
        assert await door.services.queue.depth() == 1


async def test_files_and_fields_come_in_any_order(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        status = await post_body(
            door,
            form_part("one", JPEG, "one.jpg"),
            form_part("reference", b"R-2"),
            form_part("two", MP4, "two.mp4"),
        )
        assert status["reference"] == "R-2"
        assert [item["kind"] for item in status["media"]] == ["photo", "video"]


async def test_the_content_tells_what_a_file_is_and_never_its_name(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        status = await post_body(
            door, form_part("a", JPEG, "report.pdf"), form_part("b", PDF, "photo.jpg")
        )
        assert [item["media_type"] for item in status["media"]] == ["image/jpeg"]
        assert [(out["file_name"], out["reason"]) for out in status["left_out"]] == [
            ("photo.jpg", "unsupported_type")
        ]


async def test_a_file_that_is_not_taken_is_named_with_its_reason(tmp_path: Path) -> None:
    settings = HttpSettings(media=MediaLimits(max_media=2, max_media_bytes=len(JPEG) + 10))
    encoded = b'--b\r\nContent-Disposition: form-data; name="e"; filename="e.jpg"\r\n'
    async with open_door(tmp_path, settings) as door:
        status = await post_body(
            door,
            form_part("a", JPEG, "first.jpg"),
            form_part("b", JPEG, "again.jpg"),
            form_part("c", b"", "empty.jpg"),
            form_part("d", JPEG + bytes(100_000), "large.jpg"),
            encoded + b"Content-Transfer-Encoding: base64\r\n\r\n/9j/4AAQ\r\n",
            form_part("f", JPEG + b"2", "second.jpg"),
            form_part("g", JPEG + b"3", "third.jpg"),
        )
        assert [item["file_name"] for item in status["media"]] == ["first.jpg", "second.jpg"]
        assert [(out["file_name"], out["reason"]) for out in status["left_out"]] == [
            ("again.jpg", "duplicate"),
            ("empty.jpg", "empty"),
            ("large.jpg", "too_large"),
            ("e.jpg", "refused_encoding"),
            ("third.jpg", "too_many"),
        ]
        media = [name for name in await door.blobs() if "/media/" in name]
        assert len(media) == 2


async def test_a_submission_of_which_nothing_is_taken_is_answered_all_the_same(
    tmp_path: Path,
) -> None:
    async with open_door(tmp_path) as door:
        status = await post_body(door, form_part("a", PDF, "report.pdf"))
        assert status["media"] == []
        assert len(status["left_out"]) == 1


async def test_a_hostile_file_name_stays_inside_the_submission(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        status = await post_body(door, form_part("a", JPEG, "../../../etc/%22pass%0Dwd.jpg"))
        assert status["media"][0]["file_name"].endswith(".jpg")
        prefix = f"submissions/{status['id']}/"
        assert all(name.startswith(prefix) for name in await door.blobs())


async def test_the_outcome_comes_with_the_state(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        status = await post_body(door, form_part("a", JPEG, "a.jpg"))
        outcome = Outcome(
            submission_id=status["id"],
            status=OutcomeStatus.COMPLETED,
            received_at=status["received_at"],
        )
        await door.services.blobs.put(outcome_name(status["id"]), to_json(outcome))
        entry = await door.services.index.get(status["id"])
        assert entry is not None
        await door.services.index.put(replace(entry, state=SubmissionState.DONE))
        answer = await door.client.get(f"/v1/submissions/{status['id']}")
        assert answer.json()["state"] == "done"
        assert answer.json()["outcome"]["status"] == "completed"
        assert "retry-after" not in answer.headers


async def test_asking_again_is_cheap_and_paced(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        status = await post_body(door, form_part("a", JPEG, "a.jpg"))
        path = f"/v1/submissions/{status['id']}"
        first = await door.client.get(path)
        again = await door.client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""
        assert int(again.headers["retry-after"]) >= 1


async def test_a_host_that_nobody_vouches_for_is_not_repeated(tmp_path: Path) -> None:
    files = {"file": ("a.jpg", JPEG)}
    async with open_door(tmp_path, HttpSettings(keys=KEYS)) as door:
        for host in ("evil.example", "127.0.0.1.evil.example", "a@127.0.0.1", "127.0.0.1:80/a"):
            answer = await door.client.post("/v1/submissions", files=files, headers={"Host": host})
            url = answer.json()["status_url"]
            assert url == answer.headers["location"] == f"/v1/submissions/{answer.json()['id']}"
            assert (await door.client.get(url)).json()["state"] == "accepted"


async def test_the_status_url_begins_with_the_public_base_url(tmp_path: Path) -> None:
    settings = HttpSettings(public_base_url="https://intake.example.org/")
    async with open_door(tmp_path, settings) as door:
        answer = await door.client.post("/v1/submissions", files={"a": ("a.jpg", JPEG)})
        assert answer.json()["status_url"].startswith("https://intake.example.org/v1/submissions/")
