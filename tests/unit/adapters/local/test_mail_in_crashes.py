"""Mail in, while the process is killed again and again."""

from __future__ import annotations

import smtplib
import subprocess
import sys
import threading
import time
from pathlib import Path

PROGRAM = """
import asyncio, sys
from pathlib import Path
from adapters.clock import SystemClock
from adapters.local.mailbox import MaildirMailbox
from adapters.local.smtp_listener import SmtpListener
from adapters.local.smtp_policy import SmtpPolicy
from mail_ingest.poll import MailboxPoller

folder = Path(sys.argv[1])

async def receive(chunks, *, origin):
    mail = b"".join([chunk async for chunk in chunks])
    await asyncio.sleep(0.02)
    (folder / "received" / origin.submission_id).write_bytes(mail)

class Publisher:
    async def publish(self, event):
        raise AssertionError("no mail is bad")

async def main():
    clock = SystemClock()
    mailbox = await MaildirMailbox.open(folder / "mail", clock=clock)
    listener = SmtpListener(folder / "mail", SmtpPolicy(), clock=clock, delivered=mailbox.wake)
    print(await listener.start("127.0.0.1", 0), flush=True)
    await MailboxPoller(mailbox, receive, publisher=Publisher(), clock=clock).run()

asyncio.run(main())
"""
MAILS = 40
KILLS = 4


class Host:
    """A process that takes mail, and is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", PROGRAM, str(self._folder)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def submit_all(host: Host) -> None:
    """Send every mail until it has its 250, as mail servers do."""
    for n in range(MAILS):
        mail = f"Message-ID: <{n}@example.org>\r\n\r\nmail {n}\r\n" + "x" * 70 * 1000
        while not submitted(host.port, mail):
            time.sleep(0.02)


def submitted(port: int, mail: str) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, "client", timeout=5) as client:
            client.sendmail("a@example.org", ["b@example.org"], mail)
    except (OSError, smtplib.SMTPException):
        return False
    return True


def test_every_mail_that_had_its_250_is_received_once_however_often_we_are_killed(
    tmp_path: Path,
) -> None:
    (tmp_path / "received").mkdir()
    host = Host(tmp_path)
    client = threading.Thread(target=submit_all, args=(host,))
    client.start()
    for kill in range(KILLS):
        time.sleep(0.1 + 0.03 * kill)
        host.kill()
        host.start()
    client.join()
    deadline = time.monotonic() + 30
    while waiting(tmp_path / "mail"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    host.kill()
    received = [path.read_bytes() for path in (tmp_path / "received").iterdir()]
    assert len(received) == MAILS
    assert len({mail.split(b"\r\n\r\n", 1)[1] for mail in received}) == MAILS


def waiting(inbox: Path) -> bool:
    """Whether a mail is not filed away yet."""
    return any(True for box in ("new", "cur") for _ in (inbox / box).iterdir())
