"""From a mail to its answer on one machine: rates, latencies, memory, each against its aim.

Prints one line for each figure. Run it alone on an idle machine; it takes about two minutes.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - the project's own packages come from the checkout

from host.data_folder import DataFolder  # noqa: E402
from host.intake import receive_policy  # noqa: E402
from host.local import local_stores  # noqa: E402
from host.server import Running, running  # noqa: E402
from mail_ingest.receive import MailOrigin, receive  # noqa: E402
from shared.ports import SubmissionState  # noqa: E402
from shared.settings import Settings  # noqa: E402
from tests.support.server_process import ServerProcess  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.intake import Intake

PHOTO = (ROOT / "tests" / "fixtures" / "media" / "cat.jpg").read_bytes()
ACCEPTED, TEXTS, PHOTOS, LARGE_MB, IDLE_S = 600, 300, 30, 150, 20


def main() -> None:
    """Measure and print."""
    cores = os.cpu_count()
    print(f"end to end, {cores} cores, Python {sys.version.split()[0]}")
    line("mails of 30 KB accepted, durable", accept_rate(), "mails/s", ">= 150")
    line("text-only mails, arrival to answer", text_rate(), "mails/s", ">= 50")
    p50, p95 = photo_latency()
    line("one photo mail when idle, p50", p50, "s", "")
    line("one photo mail when idle, p95", p95, "s", "<= 1.5")
    memory, idle = memory_and_idle()
    line(f"peak RSS over baseline, {LARGE_MB} MB mail", memory, "MB", "<= 32")
    line("idle CPU, server and describers", idle, "%", "<= 1")
    line("mail-ingest --help", help_time(), "s", "<= 0.3")


def line(what: str, value: float, unit: str, aim: str) -> None:
    """One figure."""
    print(f"  {what:<40} {value:9.2f} {unit:<8} {f'(aim {aim})' if aim else ''}", flush=True)


def accept_rate() -> float:
    """Mails of 30 KB with one photo each, 16 at a time, through `receive` until it returns."""
    mails = [a_mail(number, PHOTO[:22_000]) for number in range(ACCEPTED)]

    async def run(folder: Path) -> float:
        settings = settings_for(folder)
        with local_stores(settings, DataFolder.open(folder)) as stores:
            return await timed_intake(stores.intake(), settings, mails)

    with tempfile.TemporaryDirectory() as folder:
        return ACCEPTED / asyncio.run(run(Path(folder)))


def text_rate() -> float:
    """Mails without media, from arrival until all of them are answered and done."""
    mails = [a_mail(number, b"") for number in range(TEXTS)]

    async def run(folder: Path) -> float:
        settings = settings_for(folder)
        async with running(settings, doors=False) as host:
            started = time.perf_counter()
            await timed_intake(host.parts.services.stores.intake(), settings, mails)
            await until_done(host, TEXTS)
            return time.perf_counter() - started

    with tempfile.TemporaryDirectory() as folder:
        return TEXTS / asyncio.run(run(Path(folder)))


def photo_latency() -> tuple[float, float]:
    """One photo mail at a time, each with content that was never described before."""

    async def run(folder: Path) -> list[float]:
        settings = settings_for(folder)
        async with running(settings, doors=False) as host:
            intake = host.parts.services.stores.intake()
            await timed_intake(intake, settings, [a_mail(-1, PHOTO + b"warm")])
            await until_done(host, 1)
            times: list[float] = []
            for number in range(PHOTOS):
                started = time.perf_counter()
                await timed_intake(intake, settings, [a_mail(number, PHOTO + b"%d" % number)])
                await until_done(host, number + 2)
                times.append(time.perf_counter() - started)
            return times

    with tempfile.TemporaryDirectory() as folder:
        times = sorted(asyncio.run(run(Path(folder))))
    return statistics.median(times), times[int(len(times) * 0.95)]


def memory_and_idle() -> tuple[float, float]:
    """A server of its own: its CPU while idle, then its memory while a large mail comes in."""
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder), {})
        server.start()
        try:
            server.wait_until_ready()
            time.sleep(5)
            assert server.process is not None
            pid = server.process.pid
            assert pid is not None
            post(server, a_mail(0, PHOTO), "warm")
            time.sleep(5)
            before = cpu_s(pid)
            time.sleep(IDLE_S)
            idle = (cpu_s(pid) - before) / IDLE_S * 100
            baseline = status_mb(pid, "VmRSS")
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the high-water mark starts anew
            post(server, a_mail(1, PHOTO + os.urandom(LARGE_MB * 700_000)), "large")
            return status_mb(pid, "VmHWM") - baseline, idle
        finally:
            server.stop()


def help_time() -> float:
    """The best of five; a warm file cache is what a user has."""
    command = [str(Path(sys.executable).with_name("mail-ingest")), "--help"]
    times: list[float] = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return min(times)


async def timed_intake(intake: Intake, settings: Settings, mails: list[bytes]) -> float:
    """Receive the mails, 16 at a time; seconds."""
    policy, turns = receive_policy(settings), asyncio.Semaphore(16)

    async def one(mail: bytes) -> None:
        async with turns:
            origin = MailOrigin(
                source="mail", key=str(hash(mail)), received_at="2026-11-24T10:00:00.000Z"
            )
            await receive(in_chunks(mail), origin=origin, intake=intake, policy=policy)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for mail in mails:
            group.create_task(one(mail))
    return time.perf_counter() - started


async def until_done(host: Running, count: int) -> None:
    """Wait until so many submissions are done."""
    index = host.parts.services.stores.index
    while len(await index.list(state=SubmissionState.DONE, limit=count)) < count:
        await asyncio.sleep(0.01)


async def in_chunks(mail: bytes) -> AsyncIterator[bytes]:
    """The mail as it comes from a socket."""
    for start in range(0, len(mail), 65_536):
        yield mail[start : start + 65_536]


def a_mail(number: int, photo: bytes) -> bytes:
    """A mail, with a photo unless it is empty."""
    message = EmailMessage()
    message["From"] = f"Reader {number} <reader{number}@example.org>"
    message["To"] = "photos@newsroom.example"
    message["Subject"] = f"Photo {number}"
    message["Message-ID"] = f"<{number}@example.org>"
    message.set_content("Our cat.\n")
    if photo:
        message.add_attachment(photo, maintype="image", subtype="jpeg", filename="cat.jpg")
    return message.as_bytes()


def settings_for(folder: Path) -> Settings:
    """The defaults, on a folder."""
    defaults = Settings.read({})
    return replace(defaults, place=replace(defaults.place, data=folder))


def post(server: ServerProcess, mail: bytes, key: str) -> None:
    """Hand a mail in by HTTP."""
    headers = {"content-type": "message/rfc822", "idempotency-key": key}
    url = f"{server.url}/v1/emails"
    httpx.post(url, content=mail, headers=headers, trust_env=False, timeout=120).raise_for_status()


def status_mb(pid: int, name: str) -> float:
    """A size of a process, from /proc."""
    for entry in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if entry.startswith(name):
            return int(entry.split()[1]) / 1024
    return 0.0


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its living children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return sum(_own_cpu_s(each) for each in (str(pid), *children))


def _own_cpu_s(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
