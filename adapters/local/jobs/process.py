"""One describer as a child process: requests in, responses out, one JSON object a line.

See describer/protocol.py. The process loads its models once and ends with us.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from describer.protocol import Ready, Response
from shared.codec import from_json, to_json
from shared.errors import IngestError, StorageCorruptError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from describer.protocol import Request

_TIED = str(Path(__file__).with_name("tied.py"))
_LONGEST_LINE = 64 * 1024 * 1024  # a thumbnail and a third party's own answer are in it
_NICENESS = 5  # below the intake: a mail at the door goes before a photo at the desk


class DescriberLostError(IngestError):
    """The describer's process has ended, or we had to end it; the text says why, as a sentence."""


class DescriberProcess:
    """A running describer. `provider` is ``<provider>-<version>``, which names its descriptions."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.provider = ""

    @classmethod
    async def start(
        cls, command: Sequence[str], environment: Mapping[str, str], ready_within: timedelta
    ) -> Self:
        """Start it and wait until it is warm. Raises DescriberLostError."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _TIED, str(os.getpid()), *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=dict(environment),
            limit=_LONGEST_LINE,
        )
        describer = cls(process)
        try:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
            ready = await describer._line(Ready, ready_within.total_seconds())
        except BaseException:
            await describer.stop()
            raise
        describer.provider = ready.provider
        return describer

    @property
    def alive(self) -> bool:
        """Whether it still runs, as far as we know."""
        return self._process.returncode is None

    async def describe(self, request: Request, within_s: float) -> Response:
        """Its response. Raises DescriberLostError, after which it must be replaced."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - we asked for a pipe
        try:
            stdin.write(to_json(request) + b"\n")
            await stdin.drain()
            response = await self._line(Response, within_s)
        except (ConnectionError, StorageCorruptError) as exc:
            await self.stop()
            raise DescriberLostError("The describer crashed on it.") from exc
        except BaseException:
            await self.stop()
            raise
        return response

    async def stop(self) -> None:
        """End it at once: it holds nothing that is not also in the table."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.communicate()

    async def _line[T](self, kind: type[T], within_s: float) -> T:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - we asked for a pipe
        try:
            async with asyncio.timeout(within_s):
                line = await stdout.readline()
        except TimeoutError as exc:
            raise DescriberLostError(f"It took longer than {within_s:g} seconds.") from exc
        except ValueError as exc:
            raise DescriberLostError("The describer's answer has no end.") from exc
        if not line.endswith(b"\n"):
            raise DescriberLostError("The describer crashed on it.")
        return from_json(line, kind, where="the describer's answer")
