"""Microsoft's own durable engine, where the program that holds it lies beside the project."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from tests.support.server_process import free_port

if TYPE_CHECKING:
    from collections.abc import Generator

_PROGRAM = Path(__file__).parents[3] / "shared" / "tools" / "durable-host" / "durable-host"


class MicrosoftsEngine:
    """One engine on one port, which keeps its instances in memory."""

    def __init__(self) -> None:
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread()

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._process = subprocess.Popen(  # noqa: S603
            [_PROGRAM],
            env=os.environ | {"PORT": str(self._port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        while not (line := self._process.stdout.readline()).startswith("ready"):
            assert line, "the engine has ended"
        # What it logs from now on is read away: a full pipe would stop it.
        self._reader = threading.Thread(target=_read_away, args=[self._process.stdout], daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            self._process = None


def _read_away(output: IO[str]) -> None:
    with output:
        output.read()


@contextmanager
def microsofts_engine() -> Generator[MicrosoftsEngine]:
    """Run it for as long as the block lasts; skips the test where it is not there."""
    if not _PROGRAM.exists():
        pytest.skip("there is no ../shared/tools/durable-host here")
    engine = MicrosoftsEngine()
    engine.start()
    try:
        yield engine
    finally:
        engine.kill()
