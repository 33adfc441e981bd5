from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from adapters.local.mailbox import MaildirMailbox
from mail_ingest.ports import Claim
from shared.errors import ServiceUnavailableError, StorageFullError
from tests.support.clocks import ManualClock

MAIL = b"Received: by x\r\nMESSAGE-id:\r\n <1@example.org>\r\n\r\nMessage-ID: <2@example.org>\r\n"


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncGenerator[MaildirMailbox]:
    mailbox = await MaildirMailbox.open(tmp_path, clock=ManualClock(), name="photos")
    yield mailbox
    await mailbox.close()


def deliver(folder: Path, name: str, mail: bytes = MAIL) -> Path:
    path = folder / name
    path.write_bytes(mail)
    return path


async def claims(mailbox: MaildirMailbox) -> list[Claim]:
    found = [await mailbox.claim(m, lifetime_s=60) for m in await mailbox.discover(limit=99)]
    return [claim for claim in found if claim is not None]


def take_away(claim: Claim) -> None:
    Path(claim.handle).unlink()


async def test_the_key_is_mailbox_message_id_and_unique_name(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    deliver(tmp_path / "new", "1700000000.M1P2.host,S=77")
    (claim,) = await claims(mailbox)
    assert claim.key == "photos|<1@example.org>|1700000000.M1P2.host,S=77"


@pytest.mark.parametrize(
    "name",
    ["new/mail.eml", "new/x:2,", "cur/1700000000.R1.host:2,S", "cur/x:2,RS", "cur/x:9,?", "cur/x"],
)
async def test_mails_of_any_name_are_found_even_when_a_mail_program_has_read_them(
    mailbox: MaildirMailbox, tmp_path: Path, name: str
) -> None:
    deliver(tmp_path, name)
    (claim,) = await claims(mailbox)
    await mailbox.file_processed(claim)
    (filed,) = (tmp_path / ".Processed" / "cur").iterdir()
    assert filed.name.endswith(":2,S")


async def test_folders_links_hidden_files_and_drafts_are_no_mails(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    (tmp_path / "new" / "folder").mkdir()
    deliver(tmp_path / "new", ".hidden")
    (tmp_path / "new" / "link").symlink_to(deliver(tmp_path, "elsewhere"))
    os.mkfifo(tmp_path / "new" / "pipe")
    deliver(tmp_path / "tmp", "draft")
    assert await mailbox.discover(limit=9) == []


async def test_a_name_that_is_not_utf8_and_one_that_is_too_long_are_taken(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    deliver(tmp_path / "new", os.fsdecode(b"\xff\xfe"))
    deliver(tmp_path / "new", "n" * 255)
    found = await claims(mailbox)
    assert len(found) == 2
    for claim in found:
        await mailbox.dead_letter(claim, reason="poison", description="It failed.")
    assert len(list((tmp_path / ".DeadLetter" / "cur").iterdir())) == 2


async def test_the_time_of_receipt_is_the_file_s_where_its_name_tells_none(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    os.utime(deliver(tmp_path / "new", "mail.eml"), (1_600_000_000, 1_600_000_000))
    assert [claim.received_at for claim in await claims(mailbox)] == ["2020-09-13T12:26:40Z"]


async def test_claims_of_a_reader_that_died_are_undone_and_their_attempts_kept(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    dead = await MaildirMailbox.open(tmp_path, clock=clock)
    deliver(tmp_path / "new", "1700000000.a")
    assert len(await claims(dead)) == 1
    await dead.close()  # the kernel does this for a process that was killed
    reader = await MaildirMailbox.open(tmp_path, clock=clock)
    assert [claim.attempt for claim in await claims(reader)] == [2]
    await reader.close()


@pytest.mark.parametrize("hours", [-24, -1, 24])
async def test_a_mail_that_waits_does_so_no_longer_for_a_clock_that_was_set(
    tmp_path: Path, hours: float
) -> None:
    clock = ManualClock()
    mailbox = await MaildirMailbox.open(tmp_path, clock=clock)
    deliver(tmp_path / "new", "1700000000.a")
    (claim,) = await claims(mailbox)
    await mailbox.release(claim, attempts=1, delay_s=10)
    assert await mailbox.discover(limit=9) == []

    clock.advance(hours=hours)

    (claim,) = await claims(mailbox)
    await mailbox.file_processed(claim)
    assert len(list((tmp_path / ".Processed" / "cur").iterdir())) == 1
    await mailbox.close()


@pytest.mark.parametrize("hours", [-1, 24])
async def test_a_mail_in_work_is_not_taken_up_once_more_because_the_clock_was_set(
    tmp_path: Path, hours: float
) -> None:
    clock = ManualClock()
    mailbox = await MaildirMailbox.open(tmp_path, clock=clock)
    deliver(tmp_path / "new", "1700000000.a")
    (claim,) = await claims(mailbox)
    clock.advance(hours=hours)

    assert await mailbox.discover(limit=9) == []
    await mailbox.file_processed(claim)
    assert await mailbox.discover(limit=9) == []
    await mailbox.close()


@pytest.mark.parametrize("hours", [-1, 24])
async def test_a_mail_that_two_readers_claim_because_the_clock_was_set_is_filed_once(
    tmp_path: Path, hours: float
) -> None:
    clock = ManualClock()
    mailbox = await MaildirMailbox.open(tmp_path, clock=clock)
    other = await MaildirMailbox.open(tmp_path, clock=clock)
    deliver(tmp_path / "new", "1700000000.a")
    (first,) = await claims(mailbox)
    clock.advance(hours=hours)
    (second,) = await claims(other)

    assert second.key == first.key
    await mailbox.file_processed(first)
    await other.file_processed(second)
    assert len(list((tmp_path / ".Processed" / "cur").iterdir())) == 1
    assert await mailbox.discover(limit=9) == []
    await mailbox.close()
    await other.close()


async def test_a_mail_that_could_not_be_given_back_is_taken_up_when_its_claim_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    clock = ManualClock()
    mailbox = await MaildirMailbox.open(tmp_path, clock=clock)
    deliver(tmp_path / "new", "1700000000.a")
    (claim,) = await claims(mailbox)
    with monkeypatch.context() as faulty:
        faulty.setattr(Path, "rename", fail)
        with pytest.raises(ServiceUnavailableError):
            await mailbox.release(claim, attempts=1, delay_s=0)
    assert await mailbox.discover(limit=9) == []

    clock.advance(hours=1)

    assert [claim.attempt for claim in await claims(mailbox)] == [2]
    await mailbox.close()


async def test_a_long_claim_is_kept_as_long_as_it_was_made(tmp_path: Path) -> None:
    clock = ManualClock()
    mailbox = await MaildirMailbox.open(tmp_path, clock=clock)
    deliver(tmp_path / "new", "1700000000.a")
    (message,) = await mailbox.discover(limit=9)
    assert await mailbox.claim(message, lifetime_s=7200)

    assert await mailbox.discover(limit=9) == []
    clock.advance(seconds=7199)
    assert await mailbox.discover(limit=9) == []
    await mailbox.close()


async def test_claims_of_a_reader_that_lives_are_kept(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    deliver(tmp_path / "new", "1700000000.a")
    assert len(await claims(mailbox)) == 1
    second = await MaildirMailbox.open(tmp_path, clock=ManualClock())
    assert await claims(second) == []
    await second.close()


async def test_a_mail_delivered_again_while_the_first_is_claimed_waits_for_it(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    deliver(tmp_path / "new", "smtp-1")
    (first,) = await claims(mailbox)
    deliver(tmp_path / "new", "smtp-1")
    assert await mailbox.discover(limit=9) == []
    await mailbox.file_processed(first)
    (second,) = await claims(mailbox)
    assert second.key == first.key
    await mailbox.file_processed(second)
    assert len(list((tmp_path / ".Processed" / "cur").iterdir())) == 2


async def test_a_careless_deliverer_that_uses_one_name_loses_nothing(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    for n in range(3):
        deliver(tmp_path / "new", "mail.eml", b"Message-ID: <%d@x>\r\n\r\n" % n)
        for claim in await claims(mailbox):
            await mailbox.release(claim, attempts=1, delay_s=0)
    assert len(await mailbox.discover(limit=9)) == 3


async def test_the_reason_of_a_dead_letter_lies_beside_it(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    deliver(tmp_path / "new", "1700000000.a")
    (claim,) = await claims(mailbox)
    await mailbox.dead_letter(claim, reason="poison", description="It failed 5 times.")
    reason = json.loads((tmp_path / ".DeadLetter" / "1700000000.a.reason.json").read_text())
    assert reason == {
        "reason": "poison",
        "description": "It failed 5 times.",
        "attempts": 1,
        "received_at": "2023-11-14T22:13:20Z",
        "dead_lettered_at": "2026-11-24T12:00:00+00:00",
    }


async def test_a_mail_that_a_person_takes_away_is_no_fault(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    deliver(tmp_path / "new", "a")
    (claim,) = await claims(mailbox)
    take_away(claim)
    await mailbox.file_processed(claim)
    await mailbox.dead_letter(claim, reason="poison", description="It failed.")
    await mailbox.release(claim, attempts=0, delay_s=0)


async def test_a_wake_up_ends_the_wait_at_once(mailbox: MaildirMailbox) -> None:
    asyncio.get_running_loop().call_later(0.01, mailbox.wake)
    async with asyncio.timeout(60):
        await mailbox.wait(60)


async def test_a_folder_that_is_gone_and_a_full_disk_are_nobody_s_fault(
    mailbox: MaildirMailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path / "new", "a")
    (claim,) = await claims(mailbox)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)
        with pytest.raises(StorageFullError):
            await mailbox.file_processed(claim)
    (tmp_path / "new").rename(tmp_path / "gone")
    with pytest.raises(ServiceUnavailableError, match="mailbox"):
        await mailbox.discover(limit=9)


async def test_a_thousand_mails_are_found_in_a_moment(
    mailbox: MaildirMailbox, tmp_path: Path
) -> None:
    for n in range(1000):
        deliver(tmp_path / "new", f"{1_700_000_000 + n}.a")
    async with asyncio.timeout(60):
        assert len(await mailbox.discover(limit=200)) == 200
