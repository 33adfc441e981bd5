"""Submissions as they come: mails in the mailbox, mails and forms over HTTP, files sent ahead.

Whoever submits over HTTP tries again until it is said to be taken, as any client does, and always
under the same Idempotency-Key.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from shared.ids import mailbox_key, submission_id
from tests.fakes.graph.mailbox import Attachment
from tests.support.cloud.services import MAILBOX
from tests.support.mails import MailPart, mail, photo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.cloud.services import Cloud

_MEDIA = Path(__file__).parents[2] / "fixtures" / "media"
_PHOTO = (_MEDIA / "cat.jpg").read_bytes()
_VIDEO = (_MEDIA / "scenes3.mp4").read_bytes()
_PAUSE_S = 0.5


class Way(Enum):
    """How a submission comes in, and how it is answered."""

    MAILBOX = "a mail in the mailbox, answered by mail"
    MAIL = "a mail over HTTP, answered by mail"
    FORM = "a form over HTTP, answered by webhook"
    UPLOAD = "a video that was uploaded past us, answered by webhook"


# Of each ten: what readers do most stands most often.
_TEN = (
    *(Way.MAILBOX, Way.FORM, Way.MAILBOX, Way.MAIL, Way.FORM),
    *(Way.UPLOAD, Way.MAILBOX, Way.FORM, Way.MAILBOX, Way.MAIL),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A submission that is on its way; `id` is the one that it was accepted under."""

    number: int
    way: Way
    id: str

    @property
    def reader(self) -> str:
        """Who sent the mail."""
        return reader(self.number)

    @property
    def hook_path(self) -> str:
        """Where the webhook goes."""
        return f"/hook/{self.number}"


def reader(number: int) -> str:
    """The address of a reader; each sends one mail."""
    return f"reader{number}@example.org"


@dataclass(slots=True)
class Load:
    """Sends submissions to a door, numbered from `first`; `headers` go with those over HTTP.
    `tries` counts the requests that had to be sent again.
    """

    cloud: Cloud
    door: str
    first: int = 0
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    sent: list[Sent] = field(default_factory=list[Sent])
    tries: int = 0

    async def send(self, count: int, *, within_s: float) -> None:
        """Send so many, evenly spread, and wait until each is taken."""
        async with (
            httpx.AsyncClient(trust_env=False, timeout=30, verify=self.cloud.tls) as client,
            asyncio.TaskGroup() as group,
        ):
            for number in range(self.first, self.first + count):
                group.create_task(self._send(client, number))
                await asyncio.sleep(within_s / count)

    async def _send(self, client: httpx.AsyncClient, number: int) -> None:
        way = _TEN[number % len(_TEN)]
        match way:
            case Way.MAILBOX:
                taken = self._into_mailbox(number)
            case Way.MAIL:
                taken = await self._by_post(client, number)
            case Way.FORM:
                taken = await self._by_form(client, number)
            case Way.UPLOAD:
                taken = await self._by_upload(client, number)
        self.sent.append(Sent(number=number, way=way, id=taken))

    def _into_mailbox(self, number: int) -> str:
        author = {"from": {"emailAddress": {"address": reader(number)}}}
        message = self.cloud.graph.mailbox.deliver(
            _mail(number), internetMessageId=_id(number), **author
        )
        message.attachments.append(
            Attachment(name="cat.jpg", content=_photo(number), media_type="image/jpeg")
        )
        received_at = message.properties["receivedDateTime"]
        return submission_id("mail", mailbox_key(MAILBOX, _id(number), received_at))

    async def _by_post(self, client: httpx.AsyncClient, number: int) -> str:
        request = client.build_request(
            "POST",
            f"{self.door}/v1/emails",
            content=_mail(number),
            headers={"content-type": "message/rfc822", **self._headers(f"mail-{number}")},
        )
        return await self._until_accepted(client, request)

    async def _by_form(self, client: httpx.AsyncClient, number: int) -> str:
        request = client.build_request(
            "POST",
            f"{self.door}/v1/submissions",
            files={"photo": ("cat.jpg", _photo(number))},
            data={"callback_url": self._hook(number), "reference": str(number)},
            headers=self._headers(f"form-{number}"),
        )
        return await self._until_accepted(client, request)

    async def _by_upload(self, client: httpx.AsyncClient, number: int) -> str:
        content = _video(number)
        offer = client.build_request(
            "POST", f"{self.door}/v1/uploads", json={"files": [{"size": len(content)}]}
        )
        (upload,) = json.loads(await self._until_taken(client, offer))["uploads"]
        put = client.build_request(
            upload["method"], upload["url"], content=content, headers=upload["headers"]
        )
        await self._until_taken(client, put)
        request = client.build_request(
            "POST",
            f"{self.door}/v1/submissions",
            json={
                "callback_url": self._hook(number),
                "uploads": [{"upload": upload["upload"], "file_name": "scene.mp4"}],
            },
            headers=self._headers(f"upload-{number}"),
        )
        return await self._until_accepted(client, request)

    def _headers(self, key: str) -> dict[str, str]:
        return {**self.headers, "idempotency-key": key}

    def _hook(self, number: int) -> str:
        return f"{self.cloud.hooks.url}/hook/{number}"

    async def _until_accepted(self, client: httpx.AsyncClient, request: httpx.Request) -> str:
        return json.loads(await self._until_taken(client, request))["id"]

    async def _until_taken(self, client: httpx.AsyncClient, request: httpx.Request) -> bytes:
        body = await request.aread()
        while True:
            again = httpx.Request(
                request.method, request.url, headers=request.headers, content=body
            )
            try:
                answer = await client.send(again)
            except httpx.TransportError:
                pass
            else:
                if answer.is_success:
                    return answer.content
                refused = answer.is_client_error and answer.status_code not in {408, 425, 429}
                assert not refused, f"{request.url.path}: {answer.status_code} {answer.text}"
            self.tries += 1
            await asyncio.sleep(_PAUSE_S)


def _id(number: int) -> str:
    return f"<{number}@example.org>"


def _mail(number: int) -> bytes:
    header = (
        f"From: Reader {number} <{reader(number)}>\r\nTo: {MAILBOX}\r\nSubject: Photo {number}\r\n"
        f"Message-ID: {_id(number)}\r\nDate: Tue, 24 Nov 2026 13:00:00 +0100\r\n"
    )
    note = MailPart(media_type="text/plain; charset=utf-8", content=b"Seen from our window.")
    return mail(note, photo(_photo(number)), header=header.encode())


def _photo(number: int) -> bytes:
    """A photo that nobody has described before: bytes after the end do no harm."""
    return _PHOTO + b"%08d" % number


def _video(number: int) -> bytes:
    """A video that nobody has described before: its last box is free for anything."""
    return _VIDEO + (16).to_bytes(4) + b"free" + b"%08d" % number
