"""Clients name hosts whose name servers are dead, and everybody else goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from host.server import Running, running
from shared.settings import Settings
from tests.support.dead_names import DEAD_ZONE, dead_names
from tests.support.http_door import JPEG, MAIL
from tests.support.local_http import NO_TLS

if TYPE_CHECKING:
    from pathlib import Path

_OPEN_POSTS = 100


async def submit(client: httpx.AsyncClient, number: int) -> httpx.Response:
    return await client.post(
        "/v1/submissions",
        files={"file": ("a.jpg", JPEG)},
        data={"callback_url": f"https://h{number}{DEAD_ZONE}/"},
    )


async def hand_in_by_smtp(host: Running) -> str:
    """Through asyncio's streams: smtplib would need a thread of the pool that is looked at."""
    assert host.smtp_address is not None
    reader, writer = await asyncio.open_connection(*host.smtp_address)
    replies = [await reader.readline()]
    for line in (b"HELO a", b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@example.org>", b"DATA"):
        writer.write(line + b"\r\n")
        replies.append(await reader.readline())
    writer.write(MAIL + b".\r\n")
    replies.append(await reader.readline())
    writer.close()
    return replies[-1].decode()


@pytest.mark.timeout(60)
async def test_names_that_never_resolve_hold_up_neither_mail_nor_health_nor_submissions(
    tmp_path: Path,
) -> None:
    settings = Settings.read(
        {
            "MAIL_INGEST_DATA": str(tmp_path),
            "MAIL_INGEST_HTTP_PORT": "0",
            "MAIL_INGEST_SMTP_LISTEN_PORT": "0",
        }
    )
    with dead_names() as names:
        async with (
            running(settings) as host,
            httpx.AsyncClient(
                base_url=host.http_url,
                verify=NO_TLS,
                timeout=60,
                limits=httpx.Limits(max_connections=None),
            ) as client,
        ):
            async with asyncio.TaskGroup() as group:
                posts = [group.create_task(submit(client, n)) for n in range(_OPEN_POSTS)]
                while len(names.asked) < 6:
                    await asyncio.sleep(0.01)
                health = await client.get("/health/ready")
                reply = await hand_in_by_smtp(host)
            assert health.status_code == 200
            assert reply.startswith("250 ")
            assert {post.result().status_code for post in posts} == {202}
            # All of it came to its end while not one of the look-ups did.
            assert names.answered == []
