"""POST /v1/emails/by-reference, and X-Mailbox: one mail of a mailbox is one submission."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from http_intake.doors import HttpSettings
from shared import ids
from shared.errors import ServiceUnavailableError, TooLargeError
from tests.support.fake_mailbox import ADDRESS, FakeMailbox
from tests.support.http_door import KEYS, MAIL, Door, open_door
from tests.support.raw_http import connected, head

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    import httpx

PATH = "/v1/emails/by-reference"
REFERENCE = {
    "mailbox": ADDRESS,
    "message_id": "AAk/1+2=",
    "internet_message_id": "<1@example.org>",
    "received_at": "2026-11-24T10:00:00Z",
}
POLLED = ids.submission_id(
    "mail", ids.mailbox_key(ADDRESS, "<1@example.org>", "2026-11-24T10:00:00Z")
)
WATCHING = HttpSettings(keys=KEYS, watchers={"desk-app": frozenset({ADDRESS})})


def mailbox_with(raw: bytes = MAIL) -> FakeMailbox:
    return FakeMailbox({"AAk/1+2=": raw})


def door_to(
    mailbox: FakeMailbox, folder: Path, settings: HttpSettings = WATCHING
) -> AbstractAsyncContextManager[Door]:
    return open_door(folder, settings, mailboxes={ADDRESS: mailbox.fetch})


async def post_mail(door: Door, key: str | None, mailbox: str = ADDRESS) -> httpx.Response:
    headers = {"Content-Type": "message/rfc822", "X-Mailbox": mailbox}
    if key is not None:
        headers["Idempotency-Key"] = key
    return await door.client.post("/v1/emails", content=MAIL, headers=headers)


async def test_a_mail_that_is_named_is_read_out_of_the_mailbox(tmp_path: Path) -> None:
    async with door_to(mailbox_with(), tmp_path) as door:
        posted = await door.client.post(PATH, json=REFERENCE)
        assert posted.status_code == 202, posted.text
        assert posted.json()["id"] == POLLED
        original = await door.services.blobs.get(f"submissions/{POLLED}/original.eml")
        assert original == MAIL
        status = (await door.client.get(posted.headers["location"])).json()
        assert status["received_at"] == "2026-11-24T10:00:00Z"
        assert status["subject"] == "Storm"


@pytest.mark.parametrize(
    ("mailbox", "received"),
    [
        (ADDRESS, "2026-11-24T10:00:00Z"),
        (ADDRESS, "2026-11-24T10:00:00+00:00"),
        (ADDRESS, "2026-11-24t10:00:00.0000000z"),
        ("Photos@Newsroom.Example", "2026-11-24T11:00:00+01:00"),
    ],
)
async def test_a_mail_is_one_submission_however_its_watcher_writes_its_place(
    tmp_path: Path, mailbox: str, received: str
) -> None:
    async with door_to(mailbox_with(), tmp_path) as door:
        sent = await post_mail(door, f"<1@example.org>|{received}", mailbox)
        named = await door.client.post(
            PATH, json=REFERENCE | {"mailbox": mailbox, "received_at": received}
        )
        assert sent.json()["id"] == named.json()["id"] == POLLED
        assert await door.services.queue.depth() == 1


async def test_a_mail_that_was_taken_is_not_looked_for_again(tmp_path: Path) -> None:
    mailbox = mailbox_with()
    async with door_to(mailbox, tmp_path) as door:
        first = await door.client.post(PATH, json=REFERENCE)
        mailbox.messages.clear()
        second = await door.client.post(PATH, json=REFERENCE)
        assert second.status_code == 202
        assert second.content == first.content
        assert len(mailbox.asked) == 1


async def test_a_client_that_hangs_up_finds_its_mail_taken_when_it_asks_again(
    tmp_path: Path,
) -> None:
    mailbox = mailbox_with()
    mailbox.open.clear()
    async with door_to(mailbox, tmp_path) as door, connected(door.port) as impatient:
        body = json.dumps(REFERENCE).encode()
        fields = {
            **{"Content_Type": "application/json", "Content_Length": str(len(body))},
            "Authorization": door.client.headers["authorization"],
        }
        await impatient.send(head("POST", PATH, **fields) + body)
        async with asyncio.timeout(60):
            while not mailbox.asked:
                await asyncio.sleep(0.01)
        impatient.reset()
        again = asyncio.create_task(door.client.post(PATH, json=REFERENCE, timeout=20))
        await asyncio.sleep(0.1)
        mailbox.open.set()
        assert (await again).status_code == 202
        assert await door.services.queue.depth() == 1


async def test_where_no_mailbox_is_connected_the_answer_says_what_to_do(tmp_path: Path) -> None:
    async with open_door(tmp_path, WATCHING) as door:
        refused = await door.client.post(PATH, json=REFERENCE)
        assert refused.status_code == 501
        assert refused.json()["type"] == "/problems/no-mailbox"
        assert "MAIL_INGEST_GRAPH_MAILBOX" in refused.json()["detail"]


async def test_a_message_that_has_left_the_mailbox_is_told_from_a_wrong_address(
    tmp_path: Path,
) -> None:
    async with door_to(FakeMailbox({}), tmp_path) as door:
        refused = await door.client.post(PATH, json=REFERENCE)
        assert refused.status_code == 410
        assert refused.json()["type"] == "/problems/message-gone"


@pytest.mark.parametrize(
    ("failure", "status"),
    [(ServiceUnavailableError("mailbox", retry_after_s=7), 503), (TooLargeError("It", 1), 413)],
)
async def test_a_mailbox_that_breaks_off_leaves_nothing_behind(
    tmp_path: Path, failure: Exception, status: int
) -> None:
    mailbox = mailbox_with()
    mailbox.failure = failure
    async with door_to(mailbox, tmp_path) as door:
        refused = await door.client.post(PATH, json=REFERENCE)
        assert refused.status_code == status
        assert refused.headers.get("retry-after") == ("7" if status == 503 else None)
        assert await door.blobs() == []
        mailbox.failure = None
        assert (await door.client.post(PATH, json=REFERENCE)).status_code == 202


async def test_only_a_watcher_may_say_where_a_mail_lies(tmp_path: Path) -> None:
    async with door_to(mailbox_with(), tmp_path, HttpSettings(keys=KEYS)) as door:
        sent = await post_mail(door, "<1@example.org>|2026-11-24T10:00:00Z")
        named = await door.client.post(PATH, json=REFERENCE)
        for refused in (sent, named):
            assert refused.status_code == 403
            assert refused.json()["type"] == "/problems/wrong-mailbox"
        unknown = await door.client.post(PATH, json=REFERENCE, headers={"Authorization": ""})
        assert unknown.status_code == 401
        assert await door.blobs() == []


@pytest.mark.parametrize(
    "key", [None, "one", "|2026-11-24T10:00:00Z", "<1@x>|2026-11-24T10:00:00", "<1@x>|tomorrow"]
)
async def test_a_watcher_must_say_which_mail_it_is(tmp_path: Path, key: str | None) -> None:
    async with door_to(mailbox_with(), tmp_path) as door:
        refused = await post_mail(door, key)
        assert refused.status_code == 400
        assert "internetMessageId" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mailbox": "photos"}, "mailbox"),
        ({"mailbox": 1}, "mailbox"),
        ({"message_id": "a b"}, "message_id"),
        ({"message_id": "a\n"}, "message_id"),
        ({"internet_message_id": "<1@x>\n"}, "internet_message_id"),
        ({"internet_message_id": "x" * 999}, "internet_message_id"),
        ({"received_at": "yesterday"}, "received_at"),
        ({"received_at": "2026-11-24T10:00:00"}, "received_at"),
        ({"received_at": "0001-01-01T00:00:00+10:00"}, "received_at"),
        ({"reason": "413"}, "body"),
    ],
)
async def test_a_member_that_cannot_be_used_is_named(
    tmp_path: Path, change: dict[str, object], field: str
) -> None:
    async with door_to(mailbox_with(), tmp_path) as door:
        refused = await door.client.post(PATH, json=REFERENCE | change)
        assert refused.status_code == 422
        assert refused.json()["field"] == field


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"mailbox":"\xff"}', "application/json", 400),
        (b"[" * 10_000, "application/json", 422),
        (b"[]", "application/json", 422),
        (b"", "application/json", 400),
        (b" " * 20_000, "application/json", 413),
        (b"{}", "text/plain", 415),
    ],
)
async def test_a_body_that_is_no_reference_is_refused(
    tmp_path: Path, content: bytes, content_type: str, status: int
) -> None:
    async with door_to(mailbox_with(), tmp_path) as door:
        headers = {"Content-Type": content_type}
        refused = await door.client.post(PATH, content=content, headers=headers)
        assert refused.status_code == status, refused.text
