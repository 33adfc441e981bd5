"""Our programs on the ports of Azure: what they leave open when they end, of which the SDKs
complain, and what they import before they serve.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.fakes.event_grid.topic import KEY, topic
from tests.fakes.graph import FakeGraph, fake_graph
from tests.fakes.identity import fake_identity_endpoint
from tests.fakes.scheduler.server import scheduler
from tests.support.azurite import Azurite, require_azurite
from tests.support.black_hole import everything_at
from tests.support.certificates import self_signed
from tests.support.graph import ADDRESS
from tests.support.mails import mail, text
from tests.support.server_process import free_port
from tests.support.service_bus import ServiceBusProcess

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

STRICT = ("-X", "dev", "-W", "error", "-W", "ignore::DeprecationWarning")
A_FEW = 6  # modules of one package: some milliseconds
COMPLAINTS = ("Unclosed", "unclosed", "never awaited", "Warning", "Traceback", "close_failed")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """An emulator that takes tokens, under a certificate that is good for an address too."""
    require_azurite()
    folder = tmp_path_factory.mktemp("storage")
    emulator = Azurite(folder, self_signed(folder, "localhost", "127.0.0.1"))
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
async def environment(storage: Azurite, tmp_path: Path) -> AsyncGenerator[dict[str, str]]:
    """What leads a program to storage, as whoever the managed identity is, and to a queue."""
    assert storage.certificate is not None
    settings, bus = storage.settings(), ServiceBusProcess(tmp_path)
    bus.start()
    async with fake_identity_endpoint() as identity:
        yield {
            **identity.environment(),
            "SSL_CERT_FILE": str(storage.certificate.path),
            "MAIL_INGEST_BLOB_URL": storage.url("Blob"),
            # The SDK takes a localhost for an emulator of Cosmos DB, and asks for its tokens.
            "MAIL_INGEST_TABLE_URL": storage.url("Table").replace("localhost", "127.0.0.1"),
            "MAIL_INGEST_BLOB_CONTAINER": settings.container,
            "MAIL_INGEST_TABLE_PREFIX": settings.table_prefix,
            "ServiceBusConnection": bus.connection_string,
        }
    bus.kill()
    assert identity.requests > 0


@dataclass(frozen=True, slots=True)
class Program:
    """A module of ours that runs where everything that is left open is said, into its log."""

    process: Process
    log: Path

    async def stop(self) -> str:
        """End it as Kubernetes does; what it logged."""
        self.process.send_signal(signal.SIGTERM)
        assert await self.process.wait() == 0, self.log.read_text()
        return self.log.read_text()


@asynccontextmanager
async def running(
    *words: str, environment: Mapping[str, str], log: Path
) -> AsyncGenerator[Program]:
    with log.open("w") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *STRICT, "-m", *words),
            env={"PATH": os.environ["PATH"], "PYTHONASYNCIODEBUG": "1", **environment},
            stdout=file,
            stderr=file,
        )
    try:
        yield Program(process, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_command_leaves_nothing_open(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    words, log = ("host.cli", "dead-letters", "list"), tmp_path / "log"
    async with running(*words, environment=environment, log=log) as program:
        assert await program.process.wait() == 0
    slow_steps = "Executing <"  # which asyncio tells of in its debug mode
    said = [line for line in log.read_text().splitlines() if not line.startswith(slow_steps)]
    assert said == ["Nothing was given up."]


async def test_a_container_leaves_nothing_open(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    intake, worker = ("host.containers", "intake"), ("host.containers", "worker")
    for log in await answer_a_mail(intake, worker, environment=environment, folder=tmp_path):
        assert [complaint for complaint in COMPLAINTS if complaint in log] == [], log


async def test_a_container_has_imported_all_that_is_large_before_it_serves(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    files = tmp_path / "intake.imports", tmp_path / "worker.imports"
    intake = ("tests.support.late_imports", str(files[0]), "intake")
    worker = ("tests.support.late_imports", str(files[1]), "worker")
    await answer_a_mail(intake, worker, environment=environment, folder=tmp_path)
    late = {module for file in files for module in file.read_text().split()}
    packages = Counter(module.partition(".")[0] for module in late)
    assert {name: count for name, count in packages.items() if count > A_FEW} == {}


@pytest.mark.parametrize("program", ["intake", "worker"])
async def test_a_setting_that_is_missing_stops_a_container_before_it_serves(
    program: str, tmp_path: Path
) -> None:
    log, settings = tmp_path / "log", everything_at(free_port())
    del settings["MAIL_INGEST_EVENT_GRID_URL"]
    async with running("host.containers", program, environment=settings, log=log) as container:
        assert await container.process.wait() == 1
    assert log.read_text().splitlines()[-1] == "MAIL_INGEST_EVENT_GRID_URL: it is not set."
    assert "server_started" not in log.read_text()


async def answer_a_mail(
    intake: Sequence[str],
    worker: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
) -> list[str]:
    """Let both programs do all that they do with a mail, and end them; what they have logged."""
    door = free_port()
    async with AsyncExitStack() as stack:
        graph, more = await stack.enter_async_context(services())

        async def start(words: Sequence[str], port: int) -> Program:
            own = {**environment, **more, "MAIL_INGEST_HTTP_PORT": str(port)}
            log = folder / f"{words[-1]}.log"
            return await stack.enter_async_context(running(*words, environment=own, log=log))

        programs = [await start(intake, door), await start(worker, free_port())]
        await submit(f"http://127.0.0.1:{door}/v1/emails")
        async with asyncio.timeout(60):
            while not graph.sent:
                await asyncio.sleep(0.05)
        return [await program.stop() for program in programs]


@asynccontextmanager
async def services() -> AsyncGenerator[tuple[FakeGraph, dict[str, str]]]:
    """All that containers need beside storage and queue: a mailbox, and what leads to them."""
    async with AsyncExitStack() as stack:
        graph = await stack.enter_async_context(fake_graph())
        events = await stack.enter_async_context(topic())
        hub = await stack.enter_async_context(scheduler())
        yield (
            graph,
            {
                "MAIL_INGEST_GRAPH_URL": graph.url,
                "MAIL_INGEST_GRAPH_MAILBOX": ADDRESS,
                "MAIL_INGEST_FROM_ADDRESS": ADDRESS,
                "MAIL_INGEST_EVENT_GRID_URL": f"{events.url}/api/events",
                "MAIL_INGEST_EVENT_GRID_KEY": KEY,
                "MAIL_INGEST_SCHEDULER_ENDPOINT": hub.endpoint,
                "MAIL_INGEST_DRAIN_NOTICE_S": "0",
            },
        )


async def submit(url: str) -> None:
    """Hand a mail in as soon as somebody takes it."""
    headers = {"content-type": "message/rfc822"}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client, asyncio.timeout(60):
        while True:
            try:
                response = await client.post(url, content=mail(text("Look!")), headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                assert response.status_code == 202, response.text
                return
