"""`mail-ingest status` with the name of a mail, which the SMTP listener's 250 once gave."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.clock import SystemClock
from adapters.local.mailbox import MaildirMailbox
from adapters.local.maildir_delivery import MaildirDelivery
from host.commands.status import status
from host.data_folder import DataFolder
from host.local import local_stores
from mail_ingest.ports import SOURCE
from shared.errors import UnknownSubmissionError
from shared.ids import submission_id
from shared.ports import IndexEntry, SubmissionState
from shared.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    monkeypatch.setenv("MAIL_INGEST_DATA", str(tmp_path / "data"))
    return DataFolder.open(tmp_path / "data")


async def _process_a_mail(folder: DataFolder) -> str:
    """Deliver a mail, claim it, index what is made of it, file it; its name in the mailbox."""
    mailbox = await MaildirMailbox.open(folder.mailbox, clock=SystemClock())
    delivery = MaildirDelivery(folder.mailbox, front=b"", sender="a@b.example")
    await delivery.write(b"Message-ID: <1@b.example>\r\n\r\nhello\r\n")
    name = (await delivery.commit()).name
    (message,) = await mailbox.discover(limit=9)
    claim = await mailbox.claim(message, lifetime_s=60)
    assert claim is not None
    with local_stores(Settings.read(), folder) as stores:
        await stores.index.put(
            IndexEntry(
                submission_id=submission_id(SOURCE, claim.key),
                source=SOURCE,
                received_at=claim.received_at,
                state=SubmissionState.DONE,
                media=0,
            )
        )
    await mailbox.file_processed(claim)
    await mailbox.close()
    return name


def test_the_name_of_a_mail_leads_to_its_submission(
    folder: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    name = asyncio.run(_process_a_mail(folder))
    assert status(name, as_json=False) == 0
    assert capsys.readouterr().out.startswith(f"{SOURCE}-")


def test_the_name_of_a_mail_that_is_gone_is_explained(
    folder: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    name = asyncio.run(_process_a_mail(folder))
    for path in (folder.mailbox / ".Processed" / "cur").iterdir():
        path.unlink()
    with pytest.raises(UnknownSubmissionError):
        status(name, as_json=False)
    assert f"{name} is the name of a mail" in capsys.readouterr().err
