"""The HTTP door of a Functions app, with the Logic App as its client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from adapters.azure.event_publisher import EventGridPublisher
from host.azure import AzureParts
from host.functions import Functions
from host.lazy import close_opened, lazily
from host.logic_app import LogicApp
from host.services import Services, Stores
from http_intake.access import PRINCIPAL_ID
from shared.ids import mailbox_key, submission_id
from shared.settings import Settings
from shared.settings.azure import EventGridSettings
from shared.tracing import NO_TELEMETRY
from tests.support.fake_mailbox import ADDRESS, FakeMailbox
from tests.support.http_door import MAIL
from tests.support.local_services import local_services

if TYPE_CHECKING:
    from pathlib import Path

    from shared.ports import EventPublisher
    from tests.support.local_services import LocalServices

UNUSED: Any = None  # the door uses neither jobs nor answers
LOGIC_APP = LogicApp(principal="0f3c5a2e", mailbox=ADDRESS)
IDENTITY = {PRINCIPAL_ID: "0F3C5A2E", "Authorization": "Bearer a.signed.token"}
REFERENCE = {
    "mailbox": ADDRESS,
    "message_id": "AAk1",
    "internet_message_id": "<1@example.org>",
    "received_at": "2026-11-24T10:00:00+00:00",
}


def functions(
    services: LocalServices,
    mailbox: FakeMailbox,
    *,
    publisher: EventPublisher | None = None,
    settings: dict[str, str] | None = None,
) -> Functions:
    stores = Stores(
        clock=services.clock,
        blobs=services.blobs,
        queue=services.queue,
        index=services.index,
        publisher=publisher or services.publisher,
        replies=UNUSED,
        telemetry=NO_TELEMETRY,
        turns=services.intake.turns,
    )
    parts = AzureParts(
        services=Services(stores=stores, jobs=UNUSED, provider=("none", "1")),
        jobs=UNUSED,
        mailboxes={ADDRESS: mailbox.fetch},
        logic_app=LOGIC_APP,
    )
    if settings is None:
        settings = {"MAIL_INGEST_PUBLIC_URL": "https://intake.example.org"}
    return Functions(Settings.read(settings), parts)


@pytest.mark.parametrize(("headers", "status"), [(IDENTITY, 202), ({}, 401)])
async def test_the_logic_app_and_nobody_else_may_hand_in(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    with local_services(tmp_path) as services:
        door = httpx.ASGITransport(functions(services, FakeMailbox({"AAk1": MAIL})).http())
        async with httpx.AsyncClient(transport=door, base_url="https://intake.example.org") as http:
            named = await http.post("/v1/emails/by-reference", json=REFERENCE, headers=headers)
            mail = {
                "Content-Type": "message/rfc822",
                "X-Mailbox": ADDRESS,
                "Idempotency-Key": "<1@example.org>|2026-11-24T10:00:00Z",
            }
            sent = await http.post("/v1/emails", content=MAIL, headers={**mail, **headers})
        assert (named.status_code, sent.status_code) == (status, status)
        if status == 202:
            key = mailbox_key(ADDRESS, "<1@example.org>", "2026-11-24T10:00:00Z")
            assert named.json()["id"] == sent.json()["id"] == submission_id("mail", key)
            assert await services.queue.depth() == 1


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ({}, ""),
        ({"WEBSITE_HOSTNAME": "app.example"}, "https://app.example"),
        (
            {"WEBSITE_HOSTNAME": "app.example", "MAIL_INGEST_PUBLIC_URL": "https://own.example"},
            "https://own.example",
        ),
    ],
)
async def test_the_status_url_is_under_a_name_of_the_app_whatever_the_caller_says(
    tmp_path: Path, settings: dict[str, str], base: str
) -> None:
    with local_services(tmp_path) as services:
        app = functions(services, FakeMailbox({"AAk1": MAIL}), settings=settings).http()
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="https://evil.example"
        )
        async with client as http:
            sent = await http.post("/v1/emails/by-reference", json=REFERENCE, headers=IDENTITY)
        assert sent.json()["status_url"] == f"{base}/v1/submissions/{sent.json()['id']}"


@pytest.mark.parametrize("topic", ["https://events.example/api/events", ""])
async def test_an_app_with_a_setting_missing_is_not_ready_and_names_it(
    tmp_path: Path, topic: str
) -> None:
    def open_publisher() -> EventPublisher:
        return EventGridPublisher.open(EventGridSettings(url=topic, key="a-key"))

    with local_services(tmp_path) as services:
        publisher = lazily(open_publisher)
        app = functions(services, FakeMailbox({}), publisher=publisher)
        door = httpx.ASGITransport(app.http())
        async with httpx.AsyncClient(transport=door, base_url="https://intake.example.org") as http:
            told = await http.get("/health/ready")
        await close_opened(publisher)
        assert told.status_code == (200 if topic else 503)
        assert ("MAIL_INGEST_EVENT_GRID_URL" in told.text) == (topic == "")
