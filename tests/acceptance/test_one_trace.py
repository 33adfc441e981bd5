"""One trace from the door to the answer, as a collector sees it."""

from __future__ import annotations

import asyncio
import json
import smtplib
import sqlite3
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from host.server import running
from shared.ports import SubmissionState
from shared.settings import Settings
from tests.fakes.otlp.receiver import otlp_receiver
from tests.support.third_party_server import GOOD, json_reply, third_party_server

if TYPE_CHECKING:
    import pytest

    from host.server import Running
    from shared.ports import IndexEntry
    from tests.fakes.otlp.receiver import ReceivedSpan

PHOTO = (Path(__file__).parents[1] / "fixtures" / "media" / "cat.jpg").read_bytes()
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
THEIR_SPAN = "b7ad6b7169203331"
WAY = {
    *("receive_mail", "accept_submission", "dispatch_submission", "start_description"),
    *("publish_accepted", "describe", "take_description", "classify", "reply", "complete"),
}


def a_mail(number: int) -> bytes:
    message = EmailMessage()
    message["From"] = "Ann Reader <ann@example.org>"
    message["To"] = "photos@newsroom.example"
    message["Message-ID"] = f"<{number}@example.org>"
    message.set_content("Please look.")
    photo = PHOTO + b"%d" % number  # bytes after the end do no harm
    message.add_attachment(photo, maintype="image", subtype="jpeg", filename="cat.jpg")
    return message.as_bytes()


async def by_http(host: Running) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(
            f"{host.http_url}/v1/emails",
            content=a_mail(1),
            headers={
                "content-type": "message/rfc822",
                "traceparent": f"00-{TRACE_ID}-{THEIR_SPAN}-01",
            },
        )
    assert response.status_code == 202


def by_smtp(host: Running) -> None:
    assert host.smtp_address is not None
    with smtplib.SMTP(*host.smtp_address, timeout=30) as client:
        client.sendmail("ann@example.org", ["photos@newsroom.example"], a_mail(2))


async def all_done(host: Running, count: int) -> list[IndexEntry]:
    async with asyncio.timeout(60):
        while True:
            entries = await host.parts.services.stores.index.list()
            if [entry.state for entry in entries] == [SubmissionState.DONE] * count:
                return list(entries)
            await asyncio.sleep(0.1)


def connected(spans: list[ReceivedSpan], root: str) -> bool:
    """Whether every span hangs below another one of the list, or below `root`."""
    known = {span.span_id for span in spans}
    return all(span.parent_id in known or span.parent_id == root for span in spans)


async def test_one_trace_runs_from_the_door_to_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with otlp_receiver() as collector, third_party_server(json_reply(GOOD)) as service:
        monkeypatch.setenv("MAIL_INGEST_DESCRIBER", "third_party")
        monkeypatch.setenv("MAIL_INGEST_THIRD_PARTY_URL", service.url)
        monkeypatch.setenv("MAIL_INGEST_THIRD_PARTY_AUTH", "none")
        monkeypatch.setenv("MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP", "1")
        settings = {
            "MAIL_INGEST_DATA": str(tmp_path / "data"),
            "MAIL_INGEST_HTTP_PORT": "0",
            "MAIL_INGEST_SMTP_LISTEN_PORT": "0",
            "MAIL_INGEST_DESCRIBER_WORKERS": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
        async with running(Settings.read(settings)) as host:
            await by_http(host)
            await asyncio.to_thread(by_smtp, host)
            await all_done(host, 2)

        asked = [span for span in collector.spans if span.trace_id == TRACE_ID]
        assert {span.name for span in asked} == WAY | {"POST /v1/emails"}
        assert connected(asked, THEIR_SPAN)
        assert not any(span.failed for span in asked)
        (door,) = (span for span in asked if span.parent_id == THEIR_SPAN)
        assert door.attributes["http.response.status_code"] == 202

        by_mail = [span for span in collector.spans if span.trace_id != TRACE_ID]
        assert {span.name for span in by_mail} == WAY
        assert len({span.trace_id for span in by_mail}) == 1
        assert connected(by_mail, root="")
        told = {
            span.attributes.get("submission_id") or span.attributes["job_id"].partition(":")[0]
            for span in by_mail
        }
        assert len(told) == 1

        assert collector.metrics["submissions_accepted"] == 2
        assert collector.metrics["replies"] == 2
        assert "queue_depth" in collector.metrics
    assert event_traces(tmp_path / "data" / "state.db") == {TRACE_ID, by_mail[0].trace_id}


def event_traces(database: Path) -> set[str]:
    """The trace IDs of all CloudEvents that were published."""
    connection = sqlite3.connect(database)
    try:
        events = [json.loads(row[0]) for row in connection.execute("SELECT event FROM events")]
    finally:
        connection.close()
    return {event["traceparent"].split("-")[1] for event in events}
