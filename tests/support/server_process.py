"""`mail-ingest serve` as a process of its own, which a test may kill and start again; and the other
commands. They are forked (forks.py): that the program starts by its name is shown elsewhere
(tests/unit/host/test_cli.py).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, TextIO

import httpx

from tests.support.forks import fork
from tests.support.local_http import local_http

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.context import ForkServerProcess

_LOCKS = Path(gettempdir()) / "mail-ingest-test-ports"
_FIRST_PORT, _LAST_PORT = 10_000, 32_000
_held: list[TextIO] = []
_START_S = 60.0
_COMMAND_S = 120.0


def free_port() -> int:
    """A port of 127.0.0.1 that no test gets as long as this process lives.

    A server that is killed and started again needs the same port twice, so it must not be one that
    the kernel gives meanwhile to somebody who asks for any (from 32768 on, or 49152). Test
    processes keep out of each other's way by a lock on a file for each port.
    """
    _LOCKS.mkdir(exist_ok=True)
    for port in range(_FIRST_PORT + os.getpid() % 1_000 * 20, _LAST_PORT):
        lock = (_LOCKS / str(port)).open("w")
        with contextlib.suppress(OSError), socket.socket() as probe:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            probe.bind(("127.0.0.1", port))
            _held.append(lock)
            return port
        lock.close()
    raise AssertionError(f"no port up to {_LAST_PORT} is free")


@dataclass(slots=True)
class ServerProcess:
    """One server on one data folder and two ports, which stay the same from start to start."""

    folder: Path
    settings: Mapping[str, str]
    http_port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)
    process: ForkServerProcess | None = None

    @property
    def url(self) -> str:
        """The base URL of the HTTP door."""
        return f"http://127.0.0.1:{self.http_port}"

    def environment(self) -> dict[str, str]:
        """The environment of the server, and of commands on its folder."""
        ours = {name: value for name, value in os.environ.items() if "MAIL_INGEST" not in name}
        return ours | {
            "MAIL_INGEST_DATA": str(self.folder / "data"),
            "MAIL_INGEST_HTTP_PORT": str(self.http_port),
            "MAIL_INGEST_SMTP_LISTEN_PORT": str(self.smtp_port),
            **self.settings,
        }

    def start(self) -> None:
        """Start it; its log is added to server.log."""
        log = self.folder / "server.log"
        self.process = fork(run_command, ("serve",), self.environment(), log, log)

    def wait_until_ready(self) -> None:
        """Wait until it serves HTTP."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if local_http.get(f"{self.url}/health/live", timeout=5).is_success:
                    return
            if self.process is None or not self.process.is_alive():
                raise AssertionError((self.folder / "server.log").read_text("utf-8")[-3000:])
            time.sleep(0.05)
        raise AssertionError("the server does not start")

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop, as a service manager does; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None or self.process.pid is None:
            return 0
        if self.process.is_alive():
            os.kill(self.process.pid, number)
        return _exit_code(self.process, 60)

    def command(self, *words: str) -> Completed:
        """Run a command of the command line on the same folder."""
        with TemporaryDirectory() as folder:
            stdout, stderr = Path(folder) / "stdout", Path(folder) / "stderr"
            process = fork(run_command, words, self.environment(), stdout, stderr)
            return Completed(
                returncode=_exit_code(process, _COMMAND_S),
                stdout=stdout.read_text("utf-8"),
                stderr=stderr.read_text("utf-8"),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a command said, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def _exit_code(process: ForkServerProcess, within_s: float) -> int:
    process.join(within_s)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError("the command does not end")
    return process.exitcode


def run_command(
    words: Sequence[str], environment: Mapping[str, str], stdout: Path, stderr: Path
) -> None:
    """Be `mail-ingest` with these words."""
    from host.cli import main

    for stream, file in ((sys.stdout, stdout), (sys.stderr, stderr)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream.fileno())
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["mail-ingest", *words]
    main()
