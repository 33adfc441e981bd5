"""What every ReplyChannel does. An adapter joins by a fixture that opens a channel on one state."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import override

import pytest

from adapters.azure.reply_channel import GraphReplyChannel
from adapters.local.outbox import Outbox
from adapters.local.reply_channel import LocalReplyChannel, MailTransport
from adapters.local.smtp_sender import SmtpSender, SmtpServer, TlsMode
from adapters.web.address_guard import AddressGuard
from adapters.web.sent_once import SentOnce
from adapters.web.signing import Signer, new_secret
from adapters.web.webhook import WebhookSender
from mail_ingest.reply import OutgoingMail, Sender
from shared.errors import ServiceUnavailableError, StorageFullError
from shared.intake import thumbnail_name
from shared.model import AnswerTo, Channel
from shared.ports import BlobStore, ReplyChannel, ReplyReceipt, ReplyState
from tests.support.answers import answer, photo
from tests.support.correspondents import (
    Correspondents,
    Files,
    GraphSenders,
    Hooks,
    Mailboxes,
)
from tests.support.graph import ADDRESS, graph_bench
from tests.support.local_services import local_services
from tests.support.smtp_server import MailServer, mail_server

DESK = "desk@newsroom.example"


@dataclass
class Bench:
    """A channel that can be opened again, as after a crash, and its correspondents."""

    folder: Path
    correspondents: Correspondents
    stack: AsyncExitStack
    smtp_port: int = 0

    async def open(self, transport: MailTransport | None = None) -> ReplyChannel:
        services = self.stack.enter_context(local_services(self.folder, self.correspondents.clock))
        await services.blobs.put(thumbnail_name(photo().sha256), b"\xff\xd8jpeg")
        clock = self.correspondents.clock
        webhooks = WebhookSender(AddressGuard(["127.0.0.1"]), Signer([new_secret()]), clock=clock)
        if isinstance(self.correspondents, GraphSenders):
            return self._graph_channel(services.blobs, webhooks)
        channel = LocalReplyChannel(
            services.database,
            services.blobs,
            transport=transport or self._transport(),
            webhooks=webhooks,
            sender=Sender(newsroom="Newsroom", address="photos@newsroom.example"),
            desk_address=DESK,
            clock=clock,
        )
        return self.stack.enter_context(closing(channel))

    def _graph_channel(self, blobs: BlobStore, webhooks: WebhookSender) -> ReplyChannel:
        assert isinstance(self.correspondents, GraphSenders)
        return GraphReplyChannel(
            self.correspondents.graph.mail,
            blobs,
            self.correspondents.ledger,
            webhooks=webhooks,
            sender=Sender(newsroom="Newsroom", address=ADDRESS),
            desk_address=DESK,
            clock=self.correspondents.clock,
        )

    def _transport(self) -> MailTransport:
        clock = self.correspondents.clock
        if isinstance(self.correspondents, Mailboxes):
            port = self.correspondents.server.port
            server = SmtpServer(host="127.0.0.1", port=port, tls=TlsMode.NONE)
            return SmtpSender(server, clock=clock)
        return Outbox(self.folder / "outbox", clock=clock)


@pytest.fixture(params=["smtp", "outbox", "webhook", "graph"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Bench]:
    async with AsyncExitStack() as stack:
        correspondents: Correspondents
        if request.param == "smtp":
            server = await stack.enter_async_context(mail_server(MailServer()))
            correspondents = Mailboxes(server)
        elif request.param == "outbox":
            correspondents = Files(tmp_path / "outbox")
        elif request.param == "graph":
            correspondents = GraphSenders(await stack.enter_async_context(graph_bench()))
        else:
            correspondents = hooks = Hooks()
            web = await asyncio.start_server(hooks.serve, "127.0.0.1", 0)
            await stack.enter_async_context(web)
            hooks.port = web.sockets[0].getsockname()[1]
        yield Bench(folder=tmp_path, correspondents=correspondents, stack=stack)


async def test_an_answer_reaches_its_submitter(bench: Bench) -> None:
    channel = await bench.open()
    receipt = await channel.send(bench.correspondents.answer())
    assert receipt == ReplyReceipt(state=ReplyState.SENT, at="2026-11-24T12:00:00.000Z")
    assert len(bench.correspondents.got()) == 1


async def test_an_answer_that_was_sent_is_not_sent_again(bench: Bench) -> None:
    channel = await bench.open()
    first = await channel.send(bench.correspondents.answer())
    bench.correspondents.clock.advance(hours=1)
    restarted = await bench.open()
    assert await restarted.send(bench.correspondents.answer()) == first
    assert len(bench.correspondents.got()) == 1


async def test_an_answer_that_is_asked_for_twice_at_once_is_sent_once(bench: Bench) -> None:
    channel = await bench.open()
    wanted = bench.correspondents.answer()
    receipts = await asyncio.gather(*(channel.send(wanted) for _ in range(5)))
    assert len(set(receipts)) == 1
    assert len(bench.correspondents.got()) == 1


async def test_a_crash_before_the_ledger_sends_the_same_once_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        raise StorageFullError("ledger")

    channel = await bench.open()
    with monkeypatch.context() as patch:
        patch.setattr(SentOnce, "_note", crash)
        with pytest.raises(StorageFullError):
            await channel.send(bench.correspondents.answer())
    bench.correspondents.clock.advance(hours=1)
    restarted = await bench.open()
    assert (await restarted.send(bench.correspondents.answer())).state is ReplyState.SENT
    assert len(bench.correspondents.identities()) == 1
    assert len(set(bench.correspondents.got())) == 1


async def test_a_later_revision_is_another_answer(bench: Bench) -> None:
    channel = await bench.open()
    first = bench.correspondents.answer()
    await channel.send(first)
    again = replace(
        first, reply_id=f"{first.reply_id}.r1", outcome=replace(first.outcome, revision=1)
    )
    await channel.send(again)
    assert len(bench.correspondents.identities()) == 2


async def test_who_wants_no_answer_gets_none(bench: Bench) -> None:
    channel = await bench.open()
    silent = AnswerTo(channel=Channel.NONE, reason="auto_submitted")
    receipt = await channel.send(answer(answer_to=silent))
    assert receipt == ReplyReceipt(state=ReplyState.REFUSED, reason="auto_submitted")
    assert bench.correspondents.got() == []


async def test_what_is_no_address_is_refused_for_good(bench: Bench) -> None:
    channel = await bench.open()
    for channel_kind in (Channel.MAIL, Channel.WEBHOOK):
        receipt = await channel.send(answer(answer_to=AnswerTo(channel=channel_kind, target="x")))
        assert receipt.state is ReplyState.REFUSED
        assert receipt.reason.endswith(".")


@pytest.mark.parametrize("bench", ["smtp", "outbox", "graph"], indirect=True)
async def test_the_desk_is_told_once_of_each_thing(bench: Bench) -> None:
    channel = await bench.open()
    for notice in ("a:1", "a:1", "a:2"):
        await channel.notify_desk(notice, "A photo waits", "Please look.")
    assert len(bench.correspondents.got()) == 2


@pytest.mark.parametrize("bench", ["smtp", "outbox"], indirect=True)
async def test_a_notice_is_a_mail_to_the_desk(bench: Bench) -> None:
    channel = await bench.open()
    await channel.notify_desk("a:1", "A photo waits", "Please look.")
    message = message_from_bytes(bench.correspondents.got()[0], policy=default)
    assert (message["To"], message["Subject"]) == (DESK, "A photo waits")


@pytest.mark.parametrize("bench", ["smtp", "outbox"], indirect=True)
async def test_a_mail_carries_its_thumbnails(bench: Bench) -> None:
    channel = await bench.open()
    await channel.send(bench.correspondents.answer())
    message = message_from_bytes(bench.correspondents.got()[0], policy=default)
    pictures = [p for p in message.walk() if p.get_content_type() == "image/jpeg"]
    assert [p.get_payload(decode=True) for p in pictures] == [b"\xff\xd8jpeg"]


@pytest.mark.parametrize("bench", ["webhook"], indirect=True)
async def test_a_webhook_carries_the_outcome(bench: Bench) -> None:
    channel = await bench.open()
    wanted = bench.correspondents.answer()
    await channel.send(wanted)
    (body,) = bench.correspondents.got()
    assert json.loads(body)["schema"] == "submission-outcome/1"
    assert json.loads(body)["media"][0]["file_name"] == "IMG_1.jpg"


@pytest.mark.parametrize("bench", ["smtp"], indirect=True)
async def test_a_mail_server_that_is_away_delays_and_one_that_refuses_ends(bench: Bench) -> None:
    mailboxes = bench.correspondents
    assert isinstance(mailboxes, Mailboxes)
    channel = await bench.open()
    mailboxes.server.rcpt_reply = "451 Later"
    assert (await channel.send(mailboxes.answer())).state is ReplyState.UNAVAILABLE
    with pytest.raises(ServiceUnavailableError):
        await channel.notify_desk("n", "subject", "text")
    mailboxes.server.rcpt_reply = "550 Nobody here"
    assert (await channel.send(mailboxes.answer())).state is ReplyState.REFUSED
    await channel.notify_desk("n", "subject", "text")
    mailboxes.server.rcpt_reply = ""
    assert (await channel.send(mailboxes.answer())).state is ReplyState.SENT
    await channel.notify_desk("n", "subject", "text")
    assert len(mailboxes.got()) == 2


@pytest.mark.parametrize("bench", ["outbox"], indirect=True)
async def test_a_full_disk_sends_nothing_and_notes_nothing(bench: Bench) -> None:
    class Full(Outbox):
        @override
        async def deliver(self, mail: OutgoingMail) -> ReplyReceipt:
            raise StorageFullError("outbox")

    full = await bench.open(Full(bench.folder, clock=bench.correspondents.clock))
    with pytest.raises(StorageFullError):
        await full.send(bench.correspondents.answer())
    channel = await bench.open()
    assert (await channel.send(bench.correspondents.answer())).state is ReplyState.SENT
