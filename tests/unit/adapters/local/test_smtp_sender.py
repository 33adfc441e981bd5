from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from adapters.local import smtp_sender
from adapters.local.smtp_sender import SmtpSender, SmtpServer, TlsMode, tls_mode
from mail_ingest.reply import OutgoingMail
from shared.errors import SettingsError
from shared.ports import ReplyReceipt, ReplyState
from tests.support.certificates import self_signed
from tests.support.clocks import ManualClock
from tests.support.smtp_server import MailServer, mail_server

MAIL = OutgoingMail(
    identity="x", recipient="ola@example.org", smtputf8=False,
    content=b"Subject: x\r\n\r\n.dot\r\n",
)  # fmt: skip
UTF8_MAIL = OutgoingMail(
    identity="x", recipient="øyvind@example.org", smtputf8=True, content=b"Subject: x\r\n\r\n"
)


async def deliver(
    server: MailServer, mail: OutgoingMail = MAIL, *, password: str = "", sender: str = ""
) -> ReplyReceipt:
    settings = SmtpServer(
        host="127.0.0.1", port=server.port, tls=TlsMode.NONE, envelope_sender=sender,
        user="photos" if password else "", password=password,
    )  # fmt: skip
    with closing(SmtpSender(settings, clock=ManualClock())) as transport:
        return await transport.deliver(mail)


async def test_a_mail_is_handed_over_with_the_null_return_path() -> None:
    async with mail_server(MailServer()) as server:
        receipt = await deliver(server)
    assert receipt == ReplyReceipt(state=ReplyState.SENT, at="2026-11-24T12:00:00.000Z")
    (taken,) = server.taken
    assert (taken.sender, taken.recipients) == ("<>", ["ola@example.org"])
    assert taken.content == MAIL.content


async def test_bounces_go_where_the_operator_wants_them() -> None:
    async with mail_server(MailServer()) as server:
        await deliver(server, sender="bounces@newsroom.example")
    assert server.taken[0].sender == "bounces@newsroom.example"


@pytest.mark.parametrize(
    ("server", "state"),
    [
        (MailServer(rcpt_reply="550 5.1.1 <ola@example.org> unknown"), ReplyState.REFUSED),
        (MailServer(rcpt_reply="451 4.7.1 Greylisted"), ReplyState.UNAVAILABLE),
        (MailServer(rcpt_reply="452 4.2.2 Mailbox full"), ReplyState.UNAVAILABLE),
        (MailServer(mail_reply="550 5.7.1 We do not like you"), ReplyState.REFUSED),
        (MailServer(mail_reply="421 4.3.2 Closing"), ReplyState.UNAVAILABLE),
        (MailServer(mail_reply="530 5.7.0 Authentication required"), ReplyState.UNAVAILABLE),
        (MailServer(data_reply="554 5.6.0 Spam"), ReplyState.REFUSED),
        (MailServer(data_reply="452 4.3.1 Disk full"), ReplyState.UNAVAILABLE),
        (MailServer(hang_up_after_data=True), ReplyState.UNAVAILABLE),
    ],
)
async def test_five_hundreds_refuse_and_four_hundreds_may_pass(
    server: MailServer, state: ReplyState
) -> None:
    async with mail_server(server):
        receipt = await deliver(server)
    assert receipt.state is state
    assert receipt.reason.endswith(".")
    assert "example.org" not in receipt.reason


async def test_an_address_with_other_letters_needs_a_server_that_knows_them() -> None:
    async with mail_server(MailServer()) as able:
        assert (await deliver(able, UTF8_MAIL)).state is ReplyState.SENT
    assert "SMTPUTF8" in able.taken[0].options
    async with mail_server(MailServer(utf8=False)) as unable:
        assert (await deliver(unable, UTF8_MAIL)).state is ReplyState.REFUSED


@pytest.mark.parametrize("mode", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
async def test_the_connection_is_protected_and_logged_in(tmp_path: Path, mode: TlsMode) -> None:
    certificate = self_signed(tmp_path, "localhost")
    implicit = mode is TlsMode.IMPLICIT
    server = MailServer(password=b"secret")
    async with mail_server(server, certificate.server_context(), implicit=implicit):
        settings = SmtpServer(
            host="127.0.0.1", port=server.port, tls=mode, user="photos", password="secret"
        )
        transport = SmtpSender(settings, clock=ManualClock(), tls=certificate.client_context())
        receipt = await transport.deliver(MAIL)
        transport.close()
    assert receipt.state is ReplyState.SENT
    assert len(server.taken) == 1
    assert "secret" not in repr(settings)


async def test_a_wrong_password_waits_for_the_operator(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "localhost")
    server = MailServer(password=b"secret")
    async with mail_server(server, certificate.server_context()):
        settings = SmtpServer(
            host="127.0.0.1", port=server.port, tls=TlsMode.STARTTLS, user="u", password="wrong"
        )
        transport = SmtpSender(settings, clock=ManualClock(), tls=certificate.client_context())
        receipt = await transport.deliver(MAIL)
        transport.close()
    assert receipt.state is ReplyState.UNAVAILABLE
    assert "535" in receipt.reason


async def test_nothing_is_sent_unprotected_where_protection_is_wanted() -> None:
    async with mail_server(MailServer()) as server:
        settings = SmtpServer(host="127.0.0.1", port=server.port, tls=TlsMode.STARTTLS)
        with closing(SmtpSender(settings, clock=ManualClock())) as transport:
            receipt = await transport.deliver(MAIL)
    assert (receipt.state, server.taken) == (ReplyState.UNAVAILABLE, [])


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "localhost")
    async with mail_server(MailServer(), certificate.server_context()) as server:
        settings = SmtpServer(host="127.0.0.1", port=server.port, tls=TlsMode.STARTTLS)
        with closing(SmtpSender(settings, clock=ManualClock())) as transport:
            receipt = await transport.deliver(MAIL)
    assert (receipt.state, server.taken) == (ReplyState.UNAVAILABLE, [])


async def test_a_server_that_is_not_there_or_no_mail_server_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = MailServer(port=free.getsockname()[1])
    assert (await deliver(nobody)).state is ReplyState.UNAVAILABLE
    for banner in (b"HTTP/1.1 400 Bad\r\n", b"554 Go away\r\n", b""):
        async with speaking(banner) as port:
            receipt = await asyncio.wait_for(deliver(MailServer(port=port)), 60)
        assert receipt.state is ReplyState.UNAVAILABLE


@asynccontextmanager
async def speaking(banner: bytes) -> AsyncGenerator[int]:
    """A server that says one thing and hangs up."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_sender, "_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        receipt = await deliver(MailServer(port=silent.getsockname()[1]))
    assert receipt.state is ReplyState.UNAVAILABLE


def test_a_mode_that_is_none_is_named() -> None:
    assert tls_mode("implicit") is TlsMode.IMPLICIT
    with pytest.raises(SettingsError, match=r"MAIL_INGEST_SMTP_TLS.*starttls, implicit, none"):
        tls_mode("ssl")
