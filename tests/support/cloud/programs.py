"""The system on the cloud, as two containers or as a Functions app: processes to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import httpx

from tests.support.server_process import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from tests.support.cloud.services import Cloud

_START_S = 60.0
_STOP_S = 40.0
_TIMERS_S = "1"


class Shape(Enum):
    """How the system runs."""

    CONTAINERS = "containers"
    FUNCTIONS = "functions"


@dataclass(slots=True)
class Program:
    """A program with its log; `url` is where its health is."""

    name: str
    words: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    url: str
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; its log is added to."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", *self.words],
                env={"PATH": os.environ["PATH"], **self.environment},
                stdout=log,
                stderr=log,
            )

    async def until_live(self) -> None:
        """Wait until it serves HTTP."""
        async with asyncio.timeout(_START_S), httpx.AsyncClient(trust_env=False) as client:
            while True:
                assert self.process is not None
                assert self.process.poll() is None, self.log.read_text("utf-8")[-3000:]
                try:
                    if (await client.get(f"{self.url}/health/live")).is_success:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.1)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The programs that are the system; `door` is where submissions go."""

    door: str
    programs: Sequence[Program]

    def logs(self) -> str:
        """The last lines of each program, for whoever must find out what went wrong."""
        return "\n".join(
            f"{program.name}:\n{program.log.read_text('utf-8')[-3000:]}"
            for program in self.programs
        )


@asynccontextmanager
async def running_system(
    cloud: Cloud, shape: Shape, folder: Path, **more: str
) -> AsyncGenerator[System]:
    """Run it, subscribed to its events, for as long as the block lasts; `more` are settings."""
    system = _system(cloud, shape, folder, more)
    path = "/v1/events"
    if shape is Shape.FUNCTIONS:
        path = "/runtime/webhooks/eventgrid?functionName=described"
    try:
        for program in system.programs:
            program.start()
        for program in system.programs:
            await program.until_live()
        await cloud.deliver_events_to(path)
        yield system
    finally:
        for program in system.programs:
            await asyncio.to_thread(program.kill)


def _system(cloud: Cloud, shape: Shape, folder: Path, more: Mapping[str, str]) -> System:
    environment = {**cloud.environment, **more}
    door = cloud.door

    def program(name: str, port: int, *words: str) -> Program:
        own = {**environment, "MAIL_INGEST_HTTP_PORT": str(port)}
        log = folder / f"{name}.log"
        return Program(name, words, own, log, url=f"http://127.0.0.1:{port}")

    if shape is Shape.FUNCTIONS:
        words = ("tests.fakes.functions_host", str(folder), str(cloud.door_port), _TIMERS_S)
        return System(door=door, programs=[program("functions", cloud.door_port, *words)])
    return System(
        door=door,
        programs=[
            program("intake", cloud.door_port, "host.containers", "intake"),
            program("worker", free_port(), "host.containers", "worker"),
        ],
    )
