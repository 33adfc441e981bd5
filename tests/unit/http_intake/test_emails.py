"""POST /v1/emails over a real socket."""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from http_intake.doors import HttpSettings
from http_intake.messages import looks_like_message
from tests.support.http_door import JPEG, MAIL, open_door

if TYPE_CHECKING:
    from pathlib import Path

MESSAGE_TYPE = {"Content-Type": "message/rfc822"}


def mail_with_photo() -> bytes:
    message = EmailMessage()
    message["From"] = "Ann <ann@example.org>"
    message["Subject"] = "Storm"
    message.set_content("Look at this.")
    message.add_attachment(JPEG, maintype="image", subtype="jpeg", filename="storm.jpg")
    return message.as_bytes()


async def test_a_mail_is_taken_with_its_photo(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        raw = mail_with_photo()
        posted = await door.client.post("/v1/emails", content=raw, headers=MESSAGE_TYPE)
        assert posted.status_code == 202, posted.text
        submission_id = posted.json()["id"]
        status = (await door.client.get(posted.headers["location"])).json()
        assert status["subject"] == "Storm"
        assert [item["file_name"] for item in status["media"]] == ["storm.jpg"]
        original = f"submissions/{submission_id}/original.eml"
        assert await door.services.blobs.get(original) == raw


async def test_the_same_key_gives_the_first_mail_whatever_comes_with_it(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        headers = MESSAGE_TYPE | {"Idempotency-Key": "one"}
        first = await door.client.post("/v1/emails", content=mail_with_photo(), headers=headers)
        second = await door.client.post("/v1/emails", content=MAIL, headers=headers)
        assert second.status_code == first.status_code == 202
        assert second.content == first.content
        assert await door.services.queue.depth() == 1


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/json", MAIL),
        ("multipart/form-data; boundary=b", MAIL),
        ("message/rfc822", JPEG),
        ("message/rfc822", b'{"subject": "Storm"}'),
        ("message/rfc822", b"<!doctype html>\n<p>Storm</p>"),
    ],
)
async def test_what_is_no_message_is_refused_by_name(
    tmp_path: Path, content_type: str, content: bytes
) -> None:
    async with open_door(tmp_path) as door:
        posted = await door.client.post(
            "/v1/emails", content=content, headers={"Content-Type": content_type}
        )
        assert posted.status_code == 415
        assert posted.json()["type"] == "/problems/unsupported-media-type"
        assert posted.headers["accept-post"] == "message/rfc822"
        assert await door.blobs() == []


async def test_a_mail_over_the_limit_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    async with open_door(tmp_path, HttpSettings(max_message_bytes=1000)) as door:
        content = MAIL + bytes(2000)
        posted = await door.client.post("/v1/emails", content=content, headers=MESSAGE_TYPE)
        assert posted.status_code == 413
        assert posted.json()["limit_bytes"] == 1000
        assert "1,000 bytes" in posted.json()["detail"]
        assert await door.blobs() == []


@pytest.mark.parametrize(
    "beginning",
    [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b"From ann@example.org Tue Nov 24 10:00:00 2026\r\n"],
)
def test_a_message_is_known_however_it_begins(beginning: bytes) -> None:
    assert looks_like_message(beginning + MAIL)
