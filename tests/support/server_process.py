"""`mail-ingest serve` as a process of its own, which a test may kill and start again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_START_S = 60.0


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(slots=True)
class ServerProcess:
    """One server on one data folder and two ports, which stay the same from start to start."""

    folder: Path
    settings: Mapping[str, str]
    http_port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

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
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "host.cli", "serve"],
                env=self.environment(),
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        """Wait until it serves HTTP."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/health/live", trust_env=False, timeout=5).is_success:
                    return
            if self.process is None or self.process.poll() is not None:
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
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line on the same folder."""
        return subprocess.run(  # noqa: S603
            [sys.executable, "-m", "host.cli", *words],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
