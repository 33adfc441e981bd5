"""Our Durable Task Scheduler as a process that a test may kill and start again on the same port and
file.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.server_process import free_port
from tests.support.weather.kinds import Weather

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class SchedulerProcess:
    """One hub; what it keeps lies in `folder`. Its timers run `pace` times as fast as ours."""

    folder: Path
    pace: float = 1.0
    port: int = field(default_factory=free_port)
    _weather: Weather = Weather.WELL
    _process: subprocess.Popen[str] | None = None

    @property
    def endpoint(self) -> str:
        """Its URL, the same after each start."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def weather(self) -> Weather:
        """WELL, THROTTLING or WRONG; it is in force as soon as it is set. WELL after each start."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._ask(weather)
        self._weather = weather

    @property
    def struck(self) -> int:
        """How many calls its weather has spoiled since its start."""
        return self._ask("")

    def start(self) -> None:
        """Start it, and wait until it listens."""
        database = str(self.folder / "scheduler.db")
        words = [sys.executable, "-m", "tests.fakes.scheduler"]
        self._process = subprocess.Popen(  # noqa: S603
            [*words, str(self.port), database, str(self.pace)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._weather = Weather.WELL
        self._hear()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _ask(self, line: str) -> int:
        assert self._process is not None, "the hub does not run"
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return int(self._hear())

    def _hear(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the hub has ended"
        return line.strip()
