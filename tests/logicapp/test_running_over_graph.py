"""workflow.graph.json, run over a mailbox of several messages against the real intake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from http_intake.doors import HttpSettings
from mail_ingest.receive import ReceivePolicy
from tests.fakes.graph import Fault, FaultKind
from tests.logicapp.stage import FAILED, SETTINGS, SUBMITTED, Stage, polled_id, stage
from tests.support.http_door import MAIL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.graph import Message

LARGE = MAIL + b"x" * 2000
SMALL = HttpSettings(
    principals=SETTINGS.principals, watchers=SETTINGS.watchers, max_message_bytes=1000
)


def time_of(number: int) -> str:
    return f"2026-11-24T10:00:0{number}Z"


def id_of(number: int) -> str:
    return polled_id(f"<{number}@example.org>", time_of(number))


def deliver(on: Stage, number: int, raw: bytes = MAIL) -> Message:
    return on.deliver(raw, f"<{number}@example.org>", time_of(number))


async def test_every_message_of_the_inbox_is_handed_in_and_filed(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        messages = [deliver(on, number, MAIL + b"\r\n" * number) for number in range(3)]
        run = await on.run_over_inbox()
        assert run.status == "Succeeded"
        assert run.statuses == {
            "List_the_inbox": "Succeeded",
            "For_each_message": "Succeeded",
            "Say_that_messages_were_not_taken": "Skipped",
        }
        assert len(run.iterations) == 3
        assert sorted(await on.submissions()) == sorted(id_of(number) for number in range(3))
        assert on.folder(SUBMITTED) == messages
        assert all(message.properties["isRead"] for message in messages)
        for number in range(3):
            name = f"submissions/{id_of(number)}/original.eml"
            assert await on.door.services.blobs.get(name) == MAIL + b"\r\n" * number


async def test_an_empty_inbox_is_a_good_run(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        run = await on.run_over_inbox()
        assert (run.status, run.iterations) == ("Succeeded", [])


async def test_a_message_that_is_refused_fails_the_run_and_stops_no_other(tmp_path: Path) -> None:
    async with stage(tmp_path, SMALL, policy=ReceivePolicy(max_message_bytes=1000)) as on:
        good, bad = deliver(on, 1), deliver(on, 2, LARGE)
        run = await on.run_over_inbox()
        assert (run.status, run.error) == ("Failed", "MessagesNotTaken")
        assert on.folder(FAILED) == [bad]
        assert on.folder(SUBMITTED) == [good]
        refused = next(each for each in run.iterations if each["Move_to_failed"] == "Succeeded")
        assert refused == {
            "Hand_in_the_message": "Failed",
            "Get_the_message": "Succeeded",
            "Post_the_message": "Failed",
            "Hand_in_by_reference": "Failed",
            "Mark_as_read": "Skipped",
            "Move_to_submitted": "Skipped",
            "If_the_message_is_refused": "Succeeded",
            "Move_to_failed": "Succeeded",
        }
        assert (await on.run_over_inbox()).status == "Succeeded"


async def test_what_cannot_be_posted_is_read_by_reference(tmp_path: Path) -> None:
    async with stage(tmp_path, SMALL) as on:
        message = deliver(on, 1, LARGE)
        run = await on.run_over_inbox()
        assert run.status == "Succeeded"
        assert run.iterations[0]["Post_the_message"] == "Failed"
        assert run.iterations[0]["Hand_in_by_reference"] == "Succeeded"
        assert on.folder(SUBMITTED) == [message]
        original = await on.door.services.blobs.get(f"submissions/{id_of(1)}/original.eml")
        assert original == LARGE


async def test_messages_wait_in_the_inbox_while_the_intake_is_down(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        url, on.intake_url = on.intake_url, "http://127.0.0.1:1"
        message = deliver(on, 1)
        run = await on.run_over_inbox()
        assert (run.status, run.error) == ("Failed", "MessagesNotTaken")
        assert run.iterations[0]["Move_to_failed"] == "Skipped"
        assert on.folder("inbox") == [message]
        on.intake_url = url
        assert (await on.run_over_inbox()).status == "Succeeded"
        assert on.folder(SUBMITTED) == [message]


async def test_a_message_whose_move_failed_is_not_submitted_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        deliver(on, 1)
        fault = Fault(kind=FaultKind.UNAVAILABLE, match="/move", times=99)
        on.bench.graph.faults.append(fault)
        run = await on.run_over_inbox()
        assert (run.status, run.error) == ("Failed", "MessagesNotTaken")
        fault.times = 0
        assert (await on.run_over_inbox()).status == "Succeeded"
        assert await on.submissions() == [id_of(1)]


async def test_a_mailbox_that_cannot_be_listed_fails_the_run(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.bench.graph.faults.append(Fault(kind=FaultKind.UNAVAILABLE, times=99))
        run = await on.run_over_inbox()
        assert run.status == "Failed"
        assert run.statuses["For_each_message"] == "Skipped"
