"""Mails while the machine's clock is set back and ahead: one outcome and one answer each."""

from __future__ import annotations

import asyncio
import smtplib
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING

from host.readiness import readiness
from host.server import running
from shared.ports import SubmissionState
from shared.settings import Settings
from tests.support.clocks import MachineClock
from tests.support.third_party_server import GOOD, Reply, json_reply, third_party_server

if TYPE_CHECKING:
    import pytest

    from host.server import Running
    from shared.ports import IndexEntry

PHOTO = (Path(__file__).parents[1] / "fixtures" / "media" / "cat.jpg").read_bytes()
READERS_OF_THE_CLOCK = (
    "adapters.clock",
    "durabletask.testing.in_memory_backend",
    *(f"adapters.local.durable.{name}" for name in ("backend", "corrected_backend", "hub")),
    "adapters.local.durable.engine_thread",
)
JUMPS_H = (-1, 24, -24, -1, 25, -0.5, -23.5)
MAILS = 14
DOWN = Reply(status=503)


def a_mail(number: int) -> bytes:
    message = EmailMessage()
    message["From"] = f"Reader {number} <reader{number}@example.org>"
    message["To"] = "photos@newsroom.example"
    message["Message-ID"] = f"<{number}@example.org>"
    message.set_content("Our cat.")
    photo = PHOTO + b"%06d" % number  # bytes after the end do no harm
    message.add_attachment(photo, maintype="image", subtype="jpeg", filename="cat.jpg")
    return message.as_bytes()


def by_smtp(host: Running, number: int) -> None:
    assert host.smtp_address is not None
    with smtplib.SMTP(*host.smtp_address, timeout=30) as client:
        sender = f"reader{number}@example.org"
        client.sendmail(sender, ["photos@newsroom.example"], a_mail(number))


async def all_done(host: Running) -> list[IndexEntry]:
    async with asyncio.timeout(60):
        while True:
            entries = await host.parts.services.stores.index.list()
            if [entry.state for entry in entries] == [SubmissionState.DONE] * MAILS:
                return list(entries)
            await asyncio.sleep(0.1)


def answered(data: Path) -> list[str]:
    mails = [path.read_bytes() for path in (data / "outbox").glob("*.eml")]
    return sorted(str(message_from_bytes(it, EmailMessage, policy=default)["To"]) for it in mails)


async def test_whatever_is_done_to_the_clock_each_mail_has_one_outcome_and_one_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = MachineClock(monkeypatch, READERS_OF_THE_CLOCK)
    with third_party_server(*[DOWN] * 4, json_reply(GOOD)) as service:
        for name, value in {
            "MAIL_INGEST_DESCRIBER": "third_party",
            "MAIL_INGEST_THIRD_PARTY_URL": service.url,
            "MAIL_INGEST_THIRD_PARTY_AUTH": "none",
            "MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP": "1",
            "MAIL_INGEST_DESCRIBER_WORKERS": "2",
            "MAIL_INGEST_HTTP_PORT": "0",
            "MAIL_INGEST_SMTP_LISTEN_PORT": "0",
            "MAIL_INGEST_DATA": str(tmp_path / "data"),
        }.items():
            monkeypatch.setenv(name, value)
        async with running(Settings.read()) as host:
            for number in range(MAILS):
                await asyncio.to_thread(by_smtp, host, number)
                clock.set_by(hours=JUMPS_H[number % len(JUMPS_H)])
                await asyncio.sleep(0.1)
            entries = await all_done(host)
            ready = await readiness(host.parts)

    assert [entry.outcome for entry in entries] == ["completed"] * MAILS
    assert answered(tmp_path / "data") == sorted(
        f"reader{number}@example.org" for number in range(MAILS)
    )
    assert (ready.ready, ready.warnings) == (True, ())
