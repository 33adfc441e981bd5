"""A staged package as a worker that runs elsewhere: in an interpreter that sees it alone."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import subprocess
import venv
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from scripts.stage_package import PACKAGES
from tests.fakes.functions_host.worker import FunctionFailedError, Worker
from tests.fakes.functions_host.worker_process import Call, Result, receive, send

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from scripts.stage_package import Size
    from tests.fakes.functions_host.protos import Message
    from tests.fakes.functions_host.worker import Function

_TESTS = Path(__file__).parents[2]
_OF_THE_WORKER = ("azure_functions_runtime", "azurefunctions")  # which Azure puts beside an app


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedPackage:
    """`app` is the folder of function_app.py, `python` an interpreter without any package."""

    app: Path
    python: Path
    worker_library: Path
    size: Size | None = None

    @classmethod
    def beside(cls, app: Path, folder: Path, size: Size) -> StagedPackage:
        """A package, with an interpreter and the worker's library in a folder of their own."""
        venv.create(folder / "python")
        library = folder / "worker"
        library.mkdir()
        for name in _OF_THE_WORKER:
            spec = importlib.util.find_spec(name)
            assert spec is not None
            for place in spec.submodule_search_locations or ():
                (library / name).symlink_to(place)
        (library / "tests").symlink_to(_TESTS)
        python = folder / "python" / "bin" / "python"
        return cls(app=app, python=python, worker_library=library, size=size)

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """What a worker on Azure sees: its settings, and the PYTHONPATH that it gets."""
        path = f"{self.app / PACKAGES}:{self.worker_library}"
        return {"PATH": "/usr/bin:/bin", **settings, "PYTHONPATH": path}


class WorkerProcess(Worker):
    """Has its functions run by the process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__("")
        self._reader, self._writer = reader, writer
        self._waiting = {0: asyncio.get_running_loop().create_future()}

    async def answers(self) -> None:
        """Hand results to those who wait for them until the process ends."""
        try:
            while True:
                result = await receive(self._reader)
                self._waiting.pop(result.number).set_result(result)
        except asyncio.IncompleteReadError:
            for waiting in self._waiting.values():
                waiting.set_result(Result(number=-1, failure="the worker has ended"))

    async def loaded(self) -> None:
        """Wait until the app is indexed. Raises FunctionFailedError."""
        self.functions = await self._result(self._waiting[0])

    @override
    async def invoke(
        self, function: Function, data: Message, metadata: Mapping[str, Message] | None = None
    ) -> Any:
        self.runs += 1
        number = self.runs
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        call = Call(number=number, function=function, data=data, metadata=metadata)
        send(self._writer, call)
        return await self._result(waiting)

    async def _result(self, waiting: asyncio.Future[Result]) -> Any:
        result = await waiting
        if result.failure:
            raise FunctionFailedError(result.failure)
        return result.value


@asynccontextmanager
async def worker_process(
    package: StagedPackage, client: str, settings: Mapping[str, str], token: str = ""
) -> AsyncGenerator[WorkerProcess]:
    """The package's worker for as long as the block lasts. Raises FunctionFailedError."""
    ours, theirs = socket.socketpair()
    program = [str(package.python), "-m", "tests.fakes.functions_host.worker_process"]
    with closing(theirs):
        process = subprocess.Popen(  # noqa: ASYNC220, S603
            [*program, str(theirs.fileno()), str(package.app), client, token],
            env=package.environment(settings),
            cwd=package.worker_library.parent,
            pass_fds=[theirs.fileno()],
        )
    reader, writer = await asyncio.open_connection(sock=ours)
    worker = WorkerProcess(reader, writer)
    answers = asyncio.create_task(worker.answers())
    try:
        await worker.loaded()
        yield worker
    finally:
        answers.cancel()
        writer.close()
        process.kill()
        process.wait()
