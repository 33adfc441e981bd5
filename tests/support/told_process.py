"""A fake as a process of its own, which is told its weather by lines, and which a test may kill and
start again on the same port and file.
"""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.support.server_process import free_port
from tests.support.weather.kinds import Weather


class ToldProcess:
    """``python -m MODULE PORT ARGUMENTS``. It says a line when it listens, and after each line that
    it is told, which names a weather or is empty, how much its weather has spoiled.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self.port = free_port()
        self.said = ""  # when it began to listen
        self._module = module
        self._arguments = arguments
        self._weather = Weather.WELL
        self._process: subprocess.Popen[str] | None = None

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
        """How many requests its weather has spoiled since its start."""
        return self._ask("")

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", self._module, str(self.port), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._weather = Weather.WELL
        self.said = self._hear()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _ask(self, line: str) -> int:
        assert self._process is not None, f"{self._module} does not run"
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return int(self._hear())

    def _hear(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self._module} has ended"
        return line.strip()
