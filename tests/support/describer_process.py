"""The real describer worker as a child process, over real pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class DescriberProcess:
    """A running worker."""

    process: subprocess.Popen[bytes]

    def read(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def send(self, line: bytes) -> None:
        """Write a raw line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def ask(self, path: Path, kind: str = "photo", job_id: str = "mail-a:1") -> dict[str, Any]:
        """Send a request and read its response."""
        request = {"job_id": job_id, "path": str(path), "kind": kind, "media_type": ""}
        self.send(json.dumps(request).encode())
        return self.read()

    def peak_rss_mb(self) -> float:
        """The most memory that it has held, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024


@contextmanager
def describer_process(env: Mapping[str, str] | None = None) -> Generator[DescriberProcess]:
    """A worker that is killed at the end, if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "describer", "--worker"],
        cwd=PROJECT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield DescriberProcess(process)
    finally:
        process.kill()
        process.communicate()
