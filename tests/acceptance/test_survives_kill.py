"""A load of mails while the server is killed again and again: one outcome and one answer each."""

from __future__ import annotations

import json
import smtplib
import threading
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import httpx
import pytest

from shared.ports import SubmissionState
from tests.support.local_http import local_http
from tests.support.server_process import ServerProcess
from tests.support.third_party_server import GOOD, json_reply, third_party_server
from tests.support.webhooks import Webhooks, receiving_webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAILS = 60
WEBHOOKS = 12
KILLS = 12
PHOTO = (Path(__file__).parents[1] / "fixtures" / "media" / "cat.jpg").read_bytes()


def a_photo(number: int) -> bytes:
    """A photo whose content nobody has described before: bytes after the end do no harm."""
    return PHOTO + b"%06d" % number


@cache  # a boundary is random, and who sends again sends the same bytes
def a_mail(number: int) -> bytes:
    message = EmailMessage()
    message["From"] = f"Reader {number} <reader{number}@example.org>"
    message["To"] = "photos@newsroom.example"
    message["Subject"] = f"Photo {number}"
    message["Message-ID"] = f"<{number}@example.org>"
    message.set_content("Our cat.")
    message.add_attachment(a_photo(number), maintype="image", subtype="jpeg", filename="cat.jpg")
    return message.as_bytes()


@pytest.fixture
def webhooks() -> Iterator[Webhooks]:
    with receiving_webhooks() as received:
        yield received


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with third_party_server(json_reply(GOOD)) as service:
        settings = {
            "MAIL_INGEST_DESCRIBER": "third_party",
            "MAIL_INGEST_THIRD_PARTY_URL": service.url,
            "MAIL_INGEST_THIRD_PARTY_AUTH": "none",
            "MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP": "1",
            "MAIL_INGEST_WEBHOOK_ALLOW": "127.0.0.1",
            "MAIL_INGEST_DESCRIBER_WORKERS": "1",
        }
        process = ServerProcess(tmp_path, settings)
        yield process
        process.kill()


def until_taken(send: Callable[[], None], stopped: threading.Event) -> None:
    """Send again and again, as any mail server or client does, until it is said to be taken."""
    while not stopped.is_set():
        try:
            send()
        except (OSError, smtplib.SMTPException, httpx.HTTPError):
            time.sleep(0.1)
        else:
            return


def by_smtp(server: ServerProcess, number: int) -> None:
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=10) as client:
        client.sendmail(f"reader{number}@example.org", ["photos@newsroom.example"], a_mail(number))


def by_http(server: ServerProcess, number: int) -> None:
    response = local_http.post(
        f"{server.url}/v1/emails",
        content=a_mail(number),
        headers={"content-type": "message/rfc822", "idempotency-key": f"mail-{number}"},
        timeout=10,
    )
    response.raise_for_status()


def by_form(server: ServerProcess, number: int, callback_url: str) -> None:
    response = local_http.post(
        f"{server.url}/v1/submissions",
        files={"file": ("cat.jpg", a_photo(number))},
        data={"callback_url": callback_url, "reference": str(number)},
        headers={"idempotency-key": f"form-{number}"},
        timeout=10,
    )
    response.raise_for_status()


def feed(server: ServerProcess, webhooks: Webhooks, stopped: threading.Event) -> None:
    for number in range(MAILS):
        way = by_smtp if number % 2 else by_http
        until_taken(lambda way=way, number=number: way(server, number), stopped)
        if number < WEBHOOKS:
            form = 1000 + number
            until_taken(lambda form=form: by_form(server, form, webhooks.url), stopped)


def entries(server: ServerProcess) -> list[dict[str, object]]:
    listed = server.command("status", "--json")
    assert listed.returncode == 0, listed.stderr
    return [json.loads(line) for line in listed.stdout.splitlines()]


def wait_until_done(server: ServerProcess, count: int) -> list[dict[str, object]]:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        found = entries(server)
        if len(found) >= count and all(e["state"] == SubmissionState.DONE for e in found):
            return found
        time.sleep(0.2)
    raise AssertionError([e for e in entries(server) if e["state"] != SubmissionState.DONE])


@pytest.mark.timeout(420)
def test_every_mail_ends_with_one_outcome_and_one_answer_however_often_the_server_is_killed(
    server: ServerProcess, webhooks: Webhooks, tmp_path: Path
) -> None:
    pauses = Random(20261124)  # noqa: S311
    stopped = threading.Event()
    feeder = threading.Thread(target=feed, args=(server, webhooks, stopped))
    feeder.start()
    try:
        for _ in range(KILLS):
            server.start()
            time.sleep(pauses.uniform(0.1, 1.8))  # sometimes before it serves, mostly in the middle
            server.kill()
        server.start()
        server.wait_until_ready()
        feeder.join(timeout=180)
    finally:
        stopped.set()
    found = wait_until_done(server, MAILS + WEBHOOKS)
    assert len(found) == MAILS + WEBHOOKS
    assert {entry["outcome"] for entry in found} == {"completed"}

    answers = [
        message_from_bytes(file.read_bytes(), policy=default)
        for file in (tmp_path / "data" / "outbox").glob("*.eml")
    ]
    assert sorted(str(answer["In-Reply-To"]) for answer in answers) == sorted(
        f"<{number}@example.org>" for number in range(MAILS)
    )
    bodies: dict[str, set[bytes]] = {}
    for call in webhooks.calls:
        bodies.setdefault(call.headers["webhook-id"], set()).add(call.body)
    references = sorted(json.loads(body)["reference"] for (body,) in bodies.values())
    assert references == sorted(str(1000 + number) for number in range(WEBHOOKS))
    assert server.stop() == 0
