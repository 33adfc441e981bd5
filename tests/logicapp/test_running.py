"""workflow.json, run against the real intake: every way that a message can go."""

from __future__ import annotations

from email.message import EmailMessage
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from http_intake.doors import HttpSettings
from mail_ingest.receive import ReceivePolicy
from shared.errors import ServiceUnavailableError
from tests.logicapp.stage import (
    CONNECTOR_WORKFLOW,
    FAILED,
    PRINCIPAL,
    SETTINGS,
    SUBMITTED,
    Stage,
    definition_of,
    polled_id,
    stage,
)
from tests.support.http_door import JPEG

if TYPE_CHECKING:
    from pathlib import Path

SMALL = HttpSettings(
    principals=SETTINGS.principals, watchers=SETTINGS.watchers, max_message_bytes=1000
)
ALL_IS_WELL = {
    "Hand_in_the_message": "Succeeded",
    "Export_the_message": "Succeeded",
    "Post_the_message": "Succeeded",
    "Hand_in_by_reference": "Skipped",
    "Mark_as_read": "Succeeded",
    "Move_to_submitted": "Succeeded",
    "If_it_cannot_be_moved": "Skipped",
    "Say_that_it_cannot_be_moved": "Skipped",
    "If_the_message_is_refused": "Skipped",
    "Move_to_failed": "Skipped",
    "Say_that_it_is_refused": "Skipped",
    "Say_that_it_waits": "Skipped",
}
BY_REFERENCE = ALL_IS_WELL | {"Hand_in_the_message": "Failed", "Hand_in_by_reference": "Succeeded"}
NOT_TAKEN = BY_REFERENCE | {
    "Hand_in_by_reference": "Failed",
    "Mark_as_read": "Skipped",
    "Move_to_submitted": "Skipped",
    "If_the_message_is_refused": "Succeeded",
}
REFUSED = NOT_TAKEN | {"Move_to_failed": "Succeeded", "Say_that_it_is_refused": "Succeeded"}
LEFT = NOT_TAKEN | {"Say_that_it_waits": "Succeeded"}


def mail_with_photo() -> bytes:
    message = EmailMessage()
    message["From"] = "Åse <ase@example.org>"
    message["Subject"] = "Storm"
    message.set_content("Blåst i natt.", cte="8bit")
    message.add_attachment(JPEG, maintype="image", subtype="jpeg", filename="storm.jpg")
    message.set_boundary("between-the-parts")
    return message.as_bytes()


MAIL = mail_with_photo()


async def original(on: Stage) -> bytes:
    return await on.door.services.blobs.get(f"submissions/{polled_id()}/original.eml")


@pytest.mark.parametrize(
    ("export_type", "raw"),
    [
        ("application/octet-stream", MAIL),
        ("application/octet-stream", MAIL + b"\xff\xfe no UTF-8 \x00"),
        ("message/rfc822", MAIL + b"\xff"),
        ("text/plain", MAIL),
    ],
)
async def test_a_message_is_handed_in_byte_by_byte_and_filed(
    tmp_path: Path, export_type: str, raw: bytes
) -> None:
    async with stage(tmp_path) as on:
        on.connector.export_type = export_type
        message = on.deliver(raw)
        run = await on.run_for(message)
        assert (run.status, run.statuses) == ("Succeeded", ALL_IS_WELL)
        assert await original(on) == raw
        assert on.folder(SUBMITTED) == [message]
        assert message.properties["isRead"]


async def test_an_intake_that_is_down_for_a_while_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path) as on:
        kind = type(on.door.services.queue)
        send, attempts = kind.send, count(1)

        async def send_the_third_time(*args: Any, **named: Any) -> None:
            if next(attempts) < 3:
                raise ServiceUnavailableError("queue")
            await send(*args, **named)

        monkeypatch.setattr(kind, "send", send_the_third_time)
        run = await on.run_for(on.deliver(MAIL))
        assert (run.status, run.statuses) == ("Succeeded", ALL_IS_WELL)
        posted = [each.status for each in run.exchanges if each.url.endswith("/v1/emails")]
        assert posted == [503, 503, 202]
        assert await on.submissions() == [polled_id()]


async def test_a_message_that_the_intake_finds_too_large_to_post_is_read_by_reference(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, SMALL) as on:
        message = on.deliver(MAIL)
        run = await on.run_for(message)
        expected = BY_REFERENCE | {"Post_the_message": "Failed"}
        assert (run.status, run.statuses) == ("Succeeded", expected)
        assert run.results["Post_the_message"].code == "413"
        assert await original(on) == MAIL
        assert await on.submissions() == [polled_id()]
        assert on.folder(SUBMITTED) == [message]


async def test_a_message_that_logic_apps_cannot_carry_is_read_by_reference(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.limit = 2000
        run = await on.run_for(on.deliver(MAIL))
        exported = {"Export_the_message": "Failed", "Post_the_message": "Skipped"}
        assert (run.status, run.statuses) == ("Succeeded", BY_REFERENCE | exported)
        assert run.results["Export_the_message"].code == "ActionResponseSizeExceeded"
        assert await original(on) == MAIL


@pytest.mark.parametrize(
    ("message_id", "code"),
    [("<å@example.org>", "InvalidTemplate"), (f"<{'x' * 300}@example.org>", "400")],
)
async def test_a_message_id_that_fits_into_no_header_field_is_told_in_the_body(
    tmp_path: Path, message_id: str, code: str
) -> None:
    async with stage(tmp_path) as on:
        run = await on.run_for(on.deliver(MAIL, message_id))
        expected = BY_REFERENCE | {"Post_the_message": "Failed"}
        assert (run.status, run.statuses) == ("Succeeded", expected)
        assert run.results["Post_the_message"].code == code
        assert await on.submissions() == [polled_id(message_id)]


async def test_a_message_over_the_limit_of_the_service_goes_to_failed_and_fails_the_run(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, SMALL, policy=ReceivePolicy(max_message_bytes=1000)) as on:
        message = on.deliver(MAIL)
        run = await on.run_for(message)
        assert run.statuses == REFUSED | {"Post_the_message": "Failed"}
        assert (run.status, run.error) == ("Failed", "MessageRefused")
        assert run.results["Hand_in_by_reference"].code == "413"
        assert on.folder(FAILED) == [message]
        assert not message.properties["isRead"]
        assert await on.door.blobs() == []


async def test_a_large_message_fails_where_the_service_cannot_read_the_mailbox(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, SMALL, reads_mailbox=False) as on:
        message = on.deliver(MAIL)
        run = await on.run_for(message)
        assert run.statuses == REFUSED | {"Post_the_message": "Failed"}
        assert run.results["Hand_in_by_reference"].code == "501"
        assert on.folder(FAILED) == [message]


async def test_a_message_that_was_deleted_meanwhile_fails_the_run(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = on.deliver(MAIL)
        on.bench.graph.mailbox.delete(message)
        run = await on.run_for(message)
        exported = {"Export_the_message": "Failed", "Post_the_message": "Skipped"}
        assert run.statuses == REFUSED | exported | {"Move_to_failed": "Failed"}
        assert (run.status, run.error) == ("Failed", "MessageRefused")
        assert run.results["Hand_in_by_reference"].code == "410"


async def test_a_message_stays_in_the_inbox_while_nobody_answers(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.intake_url = "http://127.0.0.1:1"
        message = on.deliver(MAIL)
        run = await on.run_for(message)
        assert run.statuses == LEFT | {"Post_the_message": "Failed"}
        assert (run.status, run.error) == ("Failed", "IntakeUnavailable")
        assert on.folder("inbox") == [message]


async def test_a_wrong_identity_is_the_fault_of_no_message(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.principal = "somebody-else"
        message = on.deliver(MAIL)
        run = await on.run_for(message)
        assert run.statuses == LEFT | {"Post_the_message": "Failed"}
        assert run.results["Post_the_message"].code == "401"
        assert (run.status, run.error) == ("Failed", "IntakeUnavailable")
        assert on.folder("inbox") == [message]
        on.principal = PRINCIPAL
        assert (await on.run_for(message)).status == "Succeeded"


async def test_a_folder_that_is_missing_fails_the_run_and_loses_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.connector.moves_fail = True
        message = on.deliver(MAIL)
        run = await on.run_for(message)
        assert (run.status, run.error) == ("Failed", "MessageNotMoved")
        assert run.statuses["Move_to_submitted"] == "Failed"
        assert await on.submissions() == [polled_id()]
        on.connector.moves_fail = False
        assert (await on.run_for(message)).status == "Succeeded"
        assert await on.submissions() == [polled_id()]


async def test_the_fallback_hides_a_mistake_of_the_first_path_but_not_from_its_actions(
    tmp_path: Path,
) -> None:
    definition = definition_of(CONNECTOR_WORKFLOW)
    posting = definition["actions"]["Hand_in_the_message"]["actions"]["Post_the_message"]
    posting["inputs"]["headers"]["Idempotency-Key"] = "@{triggerBody()?['messageId']}"
    async with stage(tmp_path) as on:
        run = await on.run_with(on.connector.item(on.deliver(MAIL)), definition)
        assert run.status == "Succeeded"
        assert run.statuses == BY_REFERENCE | {"Post_the_message": "Failed"}


async def test_without_its_operation_option_the_workflow_would_wait_for_the_description(
    tmp_path: Path,
) -> None:
    definition = definition_of(CONNECTOR_WORKFLOW)
    posting = definition["actions"]["Hand_in_the_message"]["actions"]["Post_the_message"]
    del posting["operationOptions"]
    async with stage(tmp_path) as on:
        run = await on.run_with(on.connector.item(on.deliver(MAIL)), definition)
        assert run.results["Post_the_message"].code == "401"  # a poll has no identity
