"""What the hosts hand to the doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from host.intake import mail_receiver
from mail_ingest.receive import MailOrigin
from mail_ingest.screen import NoAnswer
from shared.model import Channel
from shared.settings import Settings
from tests.support.local_services import local_services

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

MAIL = b"From: Tips@Newsroom.Example\r\nTo: tips@newsroom.example\r\n\r\nA note to ourselves.\r\n"


async def chunks() -> AsyncGenerator[bytes]:
    yield MAIL


async def test_a_mail_from_the_mailbox_itself_gets_no_answer(tmp_path: Path) -> None:
    origin = MailOrigin(source="mail", key="1", received_at="2026-11-24T12:00:00Z")
    with local_services(tmp_path) as services:
        receive = mail_receiver(Settings(), services.intake, "tips@newsroom.example")
        answer_to = (await receive(chunks(), origin=origin)).submission.answer_to
    assert (answer_to.channel, answer_to.reason) == (Channel.NONE, NoAnswer.OURSELVES)
