"""The real describer worker as a child process, over a real socket and pipe."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from describer.request_lines import send_request

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class DescriberProcess:
    """A running worker."""

    process: subprocess.Popen[bytes]
    channel: socket.socket

    def read(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def send(self, line: bytes) -> None:
        """Write a raw line to it."""
        self.channel.sendall(line + b"\n")

    def ask(self, path: Path, kind: str = "photo", job_id: str = "mail-a:1") -> dict[str, Any]:
        """Send a request and read its response."""
        request = {"job_id": job_id, "path": str(path), "kind": kind, "media_type": ""}
        with path.open("rb") as media:
            rest = send_request(self.channel, json.dumps(request).encode() + b"\n", media.fileno())
        assert not rest
        return self.read()

    def peak_rss_mb(self) -> float:
        """The most memory that it has held, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024


@contextmanager
def describer_process(env: Mapping[str, str] | None = None) -> Generator[DescriberProcess]:
    """A worker that is killed at the end, if it still runs."""
    with started_describer(
        [sys.executable, "-m", "describer", "--worker"], PROJECT, {**os.environ, **(env or {})}
    ) as describer:
        yield describer


@contextmanager
def started_describer(
    command: Sequence[str], folder: Path, env: Mapping[str, str]
) -> Generator[DescriberProcess]:
    """A worker that some command starts."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(  # noqa: S603 - the tests' own commands
        command,
        cwd=folder,
        env=env,
        stdin=theirs.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    theirs.close()
    try:
        yield DescriberProcess(process, ours)
    finally:
        ours.close()
        process.kill()
        process.communicate()
