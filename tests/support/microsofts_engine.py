"""Microsoft's own durable engine, where the program that holds it lies beside the project."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.server_process import free_port

if TYPE_CHECKING:
    from collections.abc import Generator

_PROGRAM = Path(__file__).parents[3] / "shared" / "tools" / "durable-host" / "durable-host"


class MicrosoftsEngine:
    """One engine on one port. With a connection string of Azure Storage it survives a kill."""

    def __init__(self, storage: str = "", task_hub: str = "mails") -> None:
        self._port = free_port()
        self._settings = {
            "PORT": str(self._port),
            "TASK_HUB": task_hub,
            "STORAGE_CONNECTION_STRING": storage,
        }
        self._process: subprocess.Popen[str] | None = None

    @property
    def endpoint(self) -> str:
        """Its URL, the same after each start."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._process = subprocess.Popen(  # noqa: S603
            [_PROGRAM],
            env=os.environ | self._settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        while not (line := self._process.stdout.readline()).startswith("ready"):
            assert line, "the engine has ended"

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextmanager
def microsofts_engine(storage: str = "", task_hub: str = "mails") -> Generator[MicrosoftsEngine]:
    """Run it for as long as the block lasts; skips the test where it is not there."""
    if not _PROGRAM.exists():
        pytest.skip("there is no ../shared/tools/durable-host here")
    engine = MicrosoftsEngine(storage, task_hub)
    engine.start()
    try:
        yield engine
    finally:
        engine.kill()
