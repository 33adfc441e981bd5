"""Our Service Bus as a process that a test may kill and start again on the same port and file."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.settings.azure import ServiceBusSettings
from tests.support.server_process import free_port

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class ServiceBusProcess:
    """One broker with one queue; what it keeps lies in `folder`."""

    folder: Path
    queue: str = "submissions"
    port: int = field(default_factory=free_port)
    connection_string: str = ""
    _process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> ServiceBusSettings:
        """What connects to it."""
        return ServiceBusSettings(connection_string=self.connection_string, queue=self.queue)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        database = str(self.folder / "service-bus.db")
        words = [sys.executable, "-m", "tests.fakes.service_bus"]
        self._process = subprocess.Popen(  # noqa: S603
            [*words, str(self.port), database, self.queue], stdout=subprocess.PIPE
        )
        if self._process.stdout is None:
            raise AssertionError("the broker has no output")
        self.connection_string = self._process.stdout.readline().decode().strip()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
