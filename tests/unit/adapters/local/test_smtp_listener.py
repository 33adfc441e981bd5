from __future__ import annotations

import asyncio
import logging
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from adapters.local import maildir_delivery, smtp_listener
from adapters.local.mailbox import MaildirMailbox
from adapters.local.smtp_listener import SmtpListener
from adapters.local.smtp_policy import SmtpPolicy
from mail_ingest.message import read_message
from shared.errors import SettingsError, StorageFullError
from shared.ids import submission_id
from tests.support.certificates import self_signed
from tests.support.clocks import ManualClock

ELSEWHERE = ("127.0.0.2", 0)
MAIL = b"From: a@example.org\r\nSubject: hello\r\n\r\n.a line with a dot\r\n"


@asynccontextmanager
async def listening(
    folder: Path,
    policy: SmtpPolicy | None = None,
    *,
    delivered: Callable[[], None] = lambda: None,
    tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[int]:
    listener = SmtpListener(
        folder, policy or SmtpPolicy(), clock=ManualClock(), delivered=delivered, tls=tls
    )
    port = await listener.start("127.0.0.1", 0)
    try:
        yield port
    finally:
        await listener.stop()


def submit(
    port: int,
    mail: bytes = MAIL,
    *,
    sender: str = "a@example.org",
    to: tuple[str, ...] = ("photos@example.com",),
    options: tuple[str, ...] = (),
) -> None:
    with smtplib.SMTP("127.0.0.1", port, "client.example.org", timeout=20) as client:
        client.sendmail(sender, to, mail, options)


async def submitted(port: int, *args: Any, **options: Any) -> None:
    await asyncio.to_thread(submit, port, *args, **options)


def taken(folder: Path) -> list[Path]:
    return sorted((folder / "new").iterdir())


def drafts(folder: Path) -> list[Path]:
    return list((folder / "tmp").iterdir())


async def talk(port: int, *lines: bytes) -> list[bytes]:
    """Say these lines one after the other; the last line of each reply, the greeting first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    replies = [await reply(reader)]
    for line in lines:
        writer.write(line + b"\r\n")
        replies.append(await reply(reader))
    writer.close()
    await writer.wait_closed()
    return replies


async def reply(reader: asyncio.StreamReader) -> bytes:
    while (line := await asyncio.wait_for(reader.readline(), 60))[3:4] == b"-":
        pass
    return line.strip()


async def begin_data(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reply(reader)
    for line in (b"EHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>", b"DATA"):
        writer.write(line + b"\r\n")
        last = await reply(reader)
    assert last.startswith(b"354")
    return reader, writer


async def send_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * 100_000)
        await writer.drain()
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_mail_lies_in_the_maildir_when_the_client_has_its_250(tmp_path: Path) -> None:
    woken: list[None] = []
    async with listening(tmp_path, delivered=lambda: woken.append(None)) as port:
        await submitted(port)
    (mail,) = taken(tmp_path)
    lines = mail.read_bytes().split(b"\r\n")
    assert lines[0] == b"Return-Path: <a@example.org>"
    assert lines[1] == b"X-Mail-Ingest-Outside: yes"
    assert lines[2] == b"Received: from client.example.org ([127.0.0.1])"
    assert lines[3] == b"\tby localhost with ESMTP; Tue, 24 Nov 2026 12:00:00 +0000"
    assert b"\r\n".join(lines[4:]) == MAIL
    assert (len(woken), drafts(tmp_path)) == (1, [])


async def test_a_client_that_missed_our_250_and_sends_again_makes_one_message(
    tmp_path: Path,
) -> None:
    async with listening(tmp_path) as port:
        await submitted(port)
        await submitted(port)
        await submitted(port, MAIL + b"another\r\n")
        await submitted(port, MAIL, sender="b@example.org")
    assert len(taken(tmp_path)) == 3


async def test_the_null_return_path_of_a_bounce_is_kept(tmp_path: Path) -> None:
    async with listening(tmp_path) as port:
        await submitted(port, sender="")
    assert taken(tmp_path)[0].read_bytes().startswith(b"Return-Path: <>\r\n")


async def test_a_size_over_the_limit_is_refused_when_it_is_announced(tmp_path: Path) -> None:
    async with listening(tmp_path, SmtpPolicy(max_message_bytes=1000)) as port:
        replies = await talk(port, b"EHLO x", b"MAIL FROM:<a@b.example> SIZE=1001", b"NOOP")
    assert replies[2].startswith(b"552")
    assert replies[3].startswith(b"250")


async def test_a_size_over_the_limit_is_refused_while_it_comes_in(tmp_path: Path) -> None:
    async with listening(tmp_path, SmtpPolicy(max_message_bytes=100_000)) as port:
        reader, writer = await begin_data(port)
        writer.write((b"x" * 998 + b"\r\n") * 110 + b".\r\nNOOP\r\n")
        assert (await reply(reader)).startswith(b"552 5.3.4 The message is larger than the limit")
        assert (await reply(reader)).startswith(b"250")
        writer.close()
    assert (taken(tmp_path), drafts(tmp_path)) == ([], [])


async def test_a_client_that_never_stops_sending_is_cut_off(tmp_path: Path) -> None:
    async with listening(tmp_path, SmtpPolicy(max_message_bytes=100_000)) as port:
        _, writer = await begin_data(port)
        with pytest.raises(ConnectionError):
            await send_for_ever(writer)
        writer.close()
    assert (taken(tmp_path), drafts(tmp_path)) == ([], [])


async def test_a_client_that_hangs_up_in_the_data_leaves_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as port:
        _, writer = await begin_data(port)
        writer.write(b"x" * 1_000_000)
        await writer.drain()
        await until(lambda: bool(drafts(tmp_path)))
        writer.close()
        await until(lambda: not drafts(tmp_path))
    assert taken(tmp_path) == []


async def test_a_listener_that_stops_in_the_data_leaves_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as port:
        _, writer = await begin_data(port)
        writer.write(b"x" * 1_000_000)
        await writer.drain()
        await until(lambda: bool(drafts(tmp_path)))
    writer.close()
    assert (taken(tmp_path), drafts(tmp_path)) == ([], [])


async def test_mail_for_others_is_not_taken(tmp_path: Path) -> None:
    policy = SmtpPolicy(recipients=frozenset({"photos@example.com", "news.example"}))
    async with listening(tmp_path, policy) as port:
        replies = await talk(
            port,
            b"EHLO x",
            b"MAIL FROM:<a@b.example>",
            b"RCPT TO:<stranger@elsewhere.example>",
            b"RCPT TO:<other@example.com>",
            b"RCPT TO:<Photos@Example.COM>",
            b"RCPT TO:<anybody@news.example>",
            b"RCPT TO:<x@sub.news.example>",
        )
    assert [code[:3] for code in replies[3:]] == [b"550", b"550", b"250", b"250", b"550"]


async def test_recipients_over_the_limit_are_put_off(tmp_path: Path) -> None:
    async with listening(tmp_path, SmtpPolicy(max_recipients=1)) as port:
        replies = await talk(
            port, b"EHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>",
            b"RCPT TO:<e@f.example>",
        )  # fmt: skip
    assert replies[4].startswith(b"452")


async def test_one_connection_too_many_is_asked_to_come_again(tmp_path: Path) -> None:
    async with listening(tmp_path, SmtpPolicy(max_connections=1)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reply(reader)).startswith(b"220")
        second, other = await asyncio.open_connection("127.0.0.1", port)
        assert (await reply(second)).startswith(b"421")
        other.close()
        writer.close()
        await asyncio.sleep(0.05)
        assert (await talk(port))[0].startswith(b"220")


async def test_eight_bit_lines_of_any_length_and_utf8_addresses_pass(tmp_path: Path) -> None:
    mail = "Subject: blåbær\r\n\r\n".encode() + b"\xff\x00" * 50_000 + b"\r\n"
    async with listening(tmp_path) as port:
        await submitted(
            port, mail, sender="søren@blåbær.example", options=("SMTPUTF8", "BODY=8BITMIME")
        )
    content = taken(tmp_path)[0].read_bytes()
    assert content.startswith("Return-Path: <søren@blåbær.example>\r\n".encode())
    assert content.endswith(mail)


async def test_nothing_that_a_client_says_ends_a_header_line(tmp_path: Path) -> None:
    async with listening(tmp_path) as port:
        replies = await talk(port, b"EHLO x\ry", b"MAIL FROM:<a\rX-Evil: 1@b.example>")
        assert replies[2].startswith(b"501")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reply(reader)
        for line in (b"EHLO x\rX-Evil: 1", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d>", b"DATA"):
            writer.write(line + b"\r\n")
            await reply(reader)
        writer.write(b"\r\n.\r\n")
        assert (await reply(reader)).startswith(b"250")
        writer.close()
    assert b"Received: from x?X-Evil: 1 (" in taken(tmp_path)[0].read_bytes()


async def test_nonsense_is_refused_and_logged_by_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nonsense = [b'MAIL FROM:"', b"MAIL FROM:=@()[\x00", b"MAIL FROM:<", b"MAIL FROM", b"MAIL \xff"]
    unknown = [b"\xff\xfe", b"", b"BDAT 9", b"DATA", b"AUTH PLAIN AAAA", b"x" * 70_000]
    async with listening(tmp_path) as port:
        replies = await talk(port, b"EHLO x", *nonsense, *unknown, b"NOOP")
    assert {reply[:1] for reply in replies[2:-1]} == {b"5"}
    assert replies[-1].startswith(b"250")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_bare_line_feed_and_a_dot_smuggle_no_second_mail(tmp_path: Path) -> None:
    async with listening(tmp_path) as port:
        reader, writer = await begin_data(port)
        writer.write(b"one\r\n\n.\nMAIL FROM:<evil@b.example>\r\n\n.\r\nmore\r\n.\r\n")
        assert (await reply(reader)).startswith(b"250")
        writer.close()
    assert len(taken(tmp_path)) == 1


async def test_several_mails_in_one_connection_and_commands_ahead_of_us(tmp_path: Path) -> None:
    async with listening(tmp_path) as port:
        reader, writer = await begin_data(port)
        writer.write(b"one\r\n.\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        assert [(await reply(reader))[:3] for _ in range(4)] == [b"250", b"250", b"250", b"354"]
        writer.write(b"two\r\n.\r\nQUIT\r\n")
        assert [(await reply(reader))[:3] for _ in range(2)] == [b"250", b"221"]
        writer.close()
    assert len(taken(tmp_path)) == 2


@pytest.mark.parametrize(
    ("error", "code"), [(StorageFullError("disk"), 452), (OSError(5, "input/output error"), 451)]
)
@pytest.mark.parametrize("size", [10, 1_000_000])
async def test_a_disk_that_is_full_or_broken_puts_the_mail_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, size: int
) -> None:
    def fail(_file: int, _data: object) -> None:
        raise error

    monkeypatch.setattr(maildir_delivery, "write_all", fail)
    async with listening(tmp_path) as port:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            await submitted(port, b"x" * size)
    assert caught.value.smtp_code == code
    assert (taken(tmp_path), drafts(tmp_path)) == ([], [])


async def test_starttls_is_offered_where_there_is_a_certificate(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "localhost")

    def encrypted(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            client.starttls(context=certificate.client_context())
            client.ehlo()
            assert not client.has_extn("auth")
            client.sendmail("a@example.org", ["b@example.com"], MAIL)

    folder = tmp_path / "mail"
    async with listening(folder, tls=certificate.server_context()) as port:
        await asyncio.to_thread(encrypted, port)
    assert b" with ESMTPS; " in taken(folder)[0].read_bytes()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "mail.example.com"])
async def test_other_machines_reach_it_only_when_allowed(tmp_path: Path, host: str) -> None:
    listener = SmtpListener(tmp_path, SmtpPolicy(), clock=ManualClock(), delivered=lambda: None)
    with pytest.raises(SettingsError, match="MAIL_INGEST_SMTP_LISTEN_OPEN"):
        await listener.start(host, 0)


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken_port:
        listener = SmtpListener(tmp_path, SmtpPolicy(), clock=ManualClock(), delivered=lambda: None)
        with pytest.raises(SettingsError, match="MAIL_INGEST_SMTP_LISTEN_PORT"):
            await listener.start("127.0.0.1", taken_port.getsockname()[1])


async def test_a_client_that_says_nothing_is_hung_up_on(tmp_path: Path) -> None:
    async with listening(tmp_path, SmtpPolicy(idle_timeout_s=0.2)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reply(reader)).startswith(b"220")
        assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()


async def test_slow_data_is_not_cut_off_as_long_as_it_flows(tmp_path: Path) -> None:
    policy = SmtpPolicy(idle_timeout_s=0.3, min_bytes_per_s=1)
    async with listening(tmp_path, policy) as port:
        reader, writer = await begin_data(port)
        for _ in range(6):
            writer.write(b"slow\r\n")
            await asyncio.sleep(0.1)
        writer.write(b".\r\n")
        assert (await reply(reader)).startswith(b"250")
        writer.close()


async def test_data_that_trickles_is_cut_off_though_it_never_pauses(tmp_path: Path) -> None:
    policy = SmtpPolicy(idle_timeout_s=0.5, min_bytes_per_s=1_000_000)
    async with listening(tmp_path, policy) as port:
        reader, writer = await begin_data(port)

        async def trickle() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        with suppress(ConnectionError):  # what it still sends may make TCP reset the connection
            assert (await asyncio.wait_for(reader.read(), 60)).startswith(b"421 4.4.2")
        trickling.cancel()
        writer.close()
        await until(lambda: drafts(tmp_path) == [])
    assert taken(tmp_path) == []


async def test_a_session_that_never_ends_is_ended(tmp_path: Path) -> None:
    async with listening(tmp_path, SmtpPolicy(max_session_s=0.5)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        seen = b""
        async with asyncio.timeout(60):
            while b"421 4.4.2" not in seen:
                writer.write(b"NOOP\r\n")
                seen = await reply(reader)
        writer.close()


async def test_a_peer_that_holds_its_share_shuts_nobody_else_out(tmp_path: Path) -> None:
    async with listening(tmp_path, SmtpPolicy(max_connections_per_peer=2)) as port:
        idle = [
            await asyncio.open_connection("127.0.0.1", port, local_addr=ELSEWHERE) for _ in range(2)
        ]
        for reader, _ in idle:
            assert (await reply(reader)).startswith(b"220")
        third, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=ELSEWHERE)
        assert (await reply(third)).startswith(b"421 4.7.0")
        await submitted(port)
        for _, open_one in [*idle, (third, writer)]:
            open_one.close()
    assert len(taken(tmp_path)) == 1


async def test_connections_that_do_nothing_give_way_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_listener, "_GRACE_S", 0.0)
    async with listening(tmp_path, SmtpPolicy(max_connections=2)) as port:
        busy, writer = await begin_data(port)
        idle, other = await asyncio.open_connection("127.0.0.1", port)
        assert (await reply(idle)).startswith(b"220")
        await submitted(port)
        assert (await reply(idle)).startswith(b"421 4.7.0")
        writer.write(b"one\r\n.\r\n")
        assert (await reply(busy)).startswith(b"250")
        writer.close()
        other.close()
    assert len(taken(tmp_path)) == 2


async def test_a_client_that_does_not_read_our_replies_is_cut_off(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with listening(tmp_path, SmtpPolicy(idle_timeout_s=0.5)) as port:
        with socket.create_connection(("127.0.0.1", port)) as deaf:
            deaf.setblocking(False)

            async def ask() -> None:
                while True:
                    await loop.sock_sendall(deaf, b"HELP\r\n" * 1000)

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(ask(), 60)


async def test_many_commands_at_once_leave_the_event_loop_to_others(tmp_path: Path) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with listening(tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reply(reader)
        counting = asyncio.create_task(count())
        writer.write(b"NOOP\r\n" * 5000)
        for _ in range(5000):
            await reader.readuntil(b"\r\n")
        counting.cancel()
        writer.close()
    assert turns > 4000


async def test_what_was_said_before_starttls_is_forgotten(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "localhost")
    async with listening(tmp_path / "mail", tls=certificate.server_context()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reply(reader)
        writer.write(b"EHLO x\r\n")
        await reply(reader)
        writer.write(b"STARTTLS\r\nMAIL FROM:<evil@b.example>\r\n")
        assert (await reply(reader)).startswith(b"220")
        await writer.start_tls(certificate.client_context(), server_hostname="localhost")
        writer.write(b"EHLO x\r\n")
        assert (await reply(reader)).startswith(b"250")
        writer.write(b"RCPT TO:<c@d.example>\r\n")
        assert (await reply(reader)).startswith(b"503")  # no MAIL was heard
        writer.close()


async def test_no_address_and_no_command_reaches_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(tmp_path) as port:
        await submitted(port)
    assert "example.org" not in caplog.text


MEMORY_PROGRAM = """
import asyncio, resource, sys
from pathlib import Path
from adapters.clock import SystemClock
from adapters.local.mailbox import MaildirMailbox
from adapters.local.smtp_listener import SmtpListener
from adapters.local.smtp_policy import SmtpPolicy

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

async def main():
    done = asyncio.Event()
    listener = SmtpListener(Path(sys.argv[1]), SmtpPolicy(max_message_bytes=300_000_000),
                            clock=SystemClock(), delivered=done.set)
    print(await listener.start("127.0.0.1", 0), flush=True)
    before = peak()
    await done.wait()
    print(peak() - before, flush=True)
    await listener.stop()

asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
def test_a_mail_of_150_mb_takes_32_mb_of_memory_at_the_most(memory_folder: Path) -> None:
    program = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", MEMORY_PROGRAM, str(memory_folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    with program, program.stdout as output:
        send_large(int(output.readline()), 150_000_000)
        assert int(output.readline()) < 32 * 1024
    assert taken(memory_folder)[0].stat().st_size > 150_000_000


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one, because disks of build machines are slow."""
    shared_memory = Path("/dev/shm")
    parent = shared_memory if shared_memory.is_dir() else tmp_path
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


def send_large(port: int, size: int) -> None:
    line = b"x" * 76 + b"\r\n"
    block = line * 4000
    with socket.create_connection(("127.0.0.1", port)) as client:
        answers = client.makefile("rb")
        answers.readline()
        for command in (b"HELO x", b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA"):
            client.sendall(command + b"\r\n")
            answers.readline()
        for _ in range(size // len(block) + 1):
            client.sendall(block)
        client.sendall(b".\r\n")
        assert answers.readline().startswith(b"250")


FORGED = (
    b"X-Mail-Ingest-Outside: no\r\n"
    b"Authentication-Results: mx.news.example; spf=pass; dmarc=pass header.from=example.org\r\n"
    b"From: a@example.org\r\n\r\nhi\r\n"
)


@pytest.mark.parametrize(
    ("trusted", "dmarc"),
    [
        ((), "unknown"),
        (("10.0.0.0/8", "::1/128"), "unknown"),
        (("127.0.0.0/8",), "pass"),
        (("10.0.0.5/32", "127.0.0.1/32"), "pass"),
    ],
)
async def test_only_servers_of_ours_are_believed_to_bear_our_verdicts(
    tmp_path: Path, trusted: tuple[str, ...], dmarc: str
) -> None:
    policy = SmtpPolicy(trusted_peers=tuple(ip_network(each) for each in trusted))
    async with listening(tmp_path, policy) as port:
        await submitted(port, FORGED)
    (mail,) = taken(tmp_path)
    header, _, _ = mail.read_bytes().partition(b"\r\n\r\n")
    message = read_message(header, authserv_id="mx.news.example")
    assert message.authentication.dmarc == dmarc
    assert message.proven_domains == (frozenset({"example.org"}) if dmarc == "pass" else set())


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.1.2.3", False),
        ("local", False),
        ("", False),
    ],
)
def test_a_peer_is_trusted_by_its_address(peer: str, trusted: bool) -> None:
    assert SmtpPolicy(trusted_peers=(ip_network("10.0.0.0/8"),)).trusts(peer) is trusted


async def test_the_reply_names_the_submission_that_is_made_of_the_mail(tmp_path: Path) -> None:
    mail = b"From: a@b.example\r\nMessage-ID: <1@b.example>\r\n\r\nhello\r\n.\r\n"
    clock = ManualClock()
    mailbox = await MaildirMailbox.open(tmp_path, clock=clock)
    async with listening(tmp_path) as port:
        reader, writer = await begin_data(port)
        writer.write(mail)
        said = await reply(reader)
        writer.close()
        await writer.wait_closed()
    (message,) = await mailbox.discover(limit=9)
    claim = await mailbox.claim(message, lifetime_s=60)
    await mailbox.close()
    assert claim is not None
    assert said == b"250 2.0.0 Taken as " + submission_id("mail", claim.key).encode()
