"""One describer as a child process: requests in, responses out, one JSON object a line.

See describer/protocol.py. The process loads its models once and ends with us.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from describer.protocol import Ready, Response
from shared.codec import from_json, to_json
from shared.errors import IngestError, StorageCorruptError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from datetime import timedelta

    from describer.protocol import Request

_TIED = str(Path(__file__).with_name("tied.py"))
_LONGEST_LINE = 64 * 1024 * 1024  # a thumbnail and a third party's own answer are in it
_NICENESS = 5  # below the intake: a mail at the door goes before a photo at the desk


class DescriberLostError(IngestError):
    """The describer's process has ended, or we had to end it; the text says why, as a sentence."""


class DescriberTimeoutError(DescriberLostError):
    """A file has taken longer than one may. The next try would take as long: there is none."""


class DescriberProcess:
    """A running describer. `provider` is ``<provider>-<version>``, which names its descriptions."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("a describer is started with pipes")
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self.provider = ""

    @classmethod
    async def start(
        cls, command: Sequence[str], environment: Mapping[str, str], ready_within: timedelta
    ) -> Self:
        """Start it and wait until it is warm. Raises DescriberLostError."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", _TIED, str(os.getpid()), *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=dict(environment),
                limit=_LONGEST_LINE,
            )
        except OSError as exc:
            raise DescriberLostError(f"The system refuses another process: {exc}.") from exc
        describer = cls(process)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
        async with describer._stopped_on_error():
            try:
                ready = await describer._line(Ready, ready_within.total_seconds())
            except TimeoutError as exc:
                sentence = f"It was not ready within {ready_within.total_seconds():g} seconds."
                raise DescriberLostError(sentence) from exc
        describer.provider = ready.provider
        return describer

    @property
    def alive(self) -> bool:
        """Whether it still runs, as far as we know."""
        return self._process.returncode is None

    async def describe(self, request: Request, within_s: float) -> Response:
        """Its response. Raises DescriberLostError, after which it must be replaced."""
        async with self._stopped_on_error():
            self._stdin.write(to_json(request) + b"\n")
            await self._stdin.drain()
            try:
                return await self._line(Response, within_s)
            except TimeoutError as exc:
                sentence = f"It took longer than {within_s:g} seconds."
                raise DescriberTimeoutError(sentence) from exc

    async def stop(self) -> None:
        """End it at once: it holds nothing that is not also in the table."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.communicate()

    @asynccontextmanager
    async def _stopped_on_error(self) -> AsyncGenerator[None]:
        """Whatever goes wrong, the process is in no state to be asked again."""
        try:
            yield
        except (ConnectionError, StorageCorruptError) as exc:
            await self.stop()
            raise DescriberLostError("The describer crashed on it.") from exc
        except BaseException:
            await self.stop()
            raise

    async def _line[T](self, kind: type[T], within_s: float) -> T:
        """The next line. Raises TimeoutError and DescriberLostError."""
        try:
            async with asyncio.timeout(within_s):
                line = await self._stdout.readline()
        except ValueError as exc:
            raise DescriberLostError("The describer's answer has no end.") from exc
        if not line.endswith(b"\n"):
            raise ConnectionResetError
        return from_json(line, kind, where="the describer's answer")
