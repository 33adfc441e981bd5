"""One describer as a child process: requests in, responses out, one JSON object a line.

See describer/protocol.py. The process loads its models once and ends with us.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from describer.protocol import Ready, Response, Status
from describer.request_lines import send_request
from shared.codec import from_json, to_json
from shared.errors import IngestError, StorageCorruptError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from datetime import timedelta

    from describer.protocol import Mechanism, Request

logger = logging.getLogger(__name__)

_TIED = str(Path(__file__).with_name("tied.py"))
_LONGEST_LINE = 64 * 1024 * 1024  # a thumbnail and a third party's own answer are in it
_TOO_MUCH_CPU = "It needs more computing than one file is given."  # describer/budget.py
_NICENESS = 5  # below the intake: a mail at the door goes before a photo at the desk


class DescriberLostError(IngestError):
    """The describer's process has ended, or we had to end it; the text says why, as a sentence."""


class DescriberTimeoutError(DescriberLostError):
    """A file has taken longer than one may. The next try would take as long: there is none."""


class DescriberProcess:
    """A running describer. `provider` is ``<provider>-<version>``, which names its descriptions."""

    def __init__(self, process: asyncio.subprocess.Process, channel: socket.socket) -> None:
        if process.stdout is None:
            raise ValueError("a describer is started with a pipe for its answers")
        self._process = process
        self._channel, self._stdout = channel, process.stdout
        self.provider = ""
        self.confinement: tuple[Mechanism, ...] = ()

    @classmethod
    async def start(
        cls, command: Sequence[str], environment: Mapping[str, str], ready_within: timedelta
    ) -> Self:
        """Start it and wait until it is warm. Raises DescriberLostError."""
        describer = cls(*await _start(command, environment))
        process = describer._process
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
        async with describer._stopped_on_error():
            try:
                ready = await describer._line(Ready, ready_within.total_seconds())
            except TimeoutError as exc:
                sentence = f"It was not ready within {ready_within.total_seconds():g} seconds."
                raise DescriberLostError(sentence) from exc
        describer.provider, describer.confinement = ready.provider, ready.confinement
        _warn_of_lacking_confinement(
            "; ".join(f"{one.name}: {one.detail}" for one in ready.confinement if not one.holds)
        )
        return describer

    @property
    def alive(self) -> bool:
        """Whether it still runs, as far as we know."""
        return self._process.returncode is None

    async def describe(self, request: Request, within_s: float) -> Response:
        """Its response. Raises DescriberLostError, after which it must be replaced."""
        try:
            media = os.open(request.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            reason = "The file to describe is not there."
            return Response(job_id=request.job_id, status=Status.UNAVAILABLE, reason=reason)
        async with self._stopped_on_error():
            self._limit_cpu_time(within_s)
            try:
                rest = send_request(self._channel, to_json(request) + b"\n", media)
            finally:
                os.close(media)
            if rest:
                await asyncio.get_running_loop().sock_sendall(self._channel, rest)
            try:
                return await self._line(Response, within_s)
            except TimeoutError as exc:
                sentence = f"It took longer than {within_s:g} seconds."
                raise DescriberTimeoutError(sentence) from exc

    async def stop(self) -> None:
        """End it at once: it holds nothing that is not also in the table."""
        if self._process.returncode is None:
            # The whole group: where no filter of system calls forbids it, a decoder may fork.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(ProcessLookupError):
                self._process.kill()
        self._channel.close()
        await self._process.communicate()

    def _limit_cpu_time(self, within_s: float) -> None:
        """Let the kernel end it, should we be unable to: all cores for as long as it may take."""
        if sys.platform != "linux":
            return
        with suppress(OSError):
            used = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2]
            user, system = map(int, used.split()[11:13])
            used_s = (user + system) / os.sysconf("SC_CLK_TCK")
            limit = int(used_s + within_s * (os.cpu_count() or 1)) + 1
            _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_CPU)
            resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (limit, hard))

    @asynccontextmanager
    async def _stopped_on_error(self) -> AsyncGenerator[None]:
        """Whatever goes wrong, the process is in no state to be asked again."""
        try:
            yield
        except (ConnectionError, StorageCorruptError) as exc:
            await self.stop()
            # Its own alarm (process.py), or the limit that we have set.
            if self._process.returncode in {-signal.SIGPROF, -signal.SIGXCPU}:
                raise DescriberTimeoutError(_TOO_MUCH_CPU) from exc
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


async def _start(
    command: Sequence[str], environment: Mapping[str, str]
) -> tuple[asyncio.subprocess.Process, socket.socket]:
    """The process, in a session of its own, and our end of the socket that it reads."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _TIED, str(os.getpid()), *command),
            stdin=theirs.fileno(),
            stdout=asyncio.subprocess.PIPE,
            env=dict(environment),
            limit=_LONGEST_LINE,
            start_new_session=True,
        )
    except OSError as exc:
        ours.close()
        raise DescriberLostError(f"The system refuses another process: {exc}.") from exc
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours


@cache
def _warn_of_lacking_confinement(lacks: str) -> None:
    """Once for each set of mechanisms, however many describers are started."""
    if lacks:
        logger.warning(
            "describers are not fully confined",
            extra={"action": "describer_not_confined", "reason": lacks},
        )
