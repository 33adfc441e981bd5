"""The worker as the process that it is on Azure: an interpreter with nothing but PYTHONPATH.

``python -m tests.fakes.functions_host.worker_process FD FOLDER CLIENT [TOKEN]`` loads the app of a
folder and runs its functions for the one at the other end of the socket. It imports nothing of ours
but what the folder holds, and of the tests only this folder's modules. TOKEN replaces the identity.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.functions_host.protos import Message
from tests.fakes.functions_host.worker import Function, FunctionFailedError, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Run a function."""

    number: int
    function: Function
    data: Message
    metadata: Mapping[str, Message] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What it returned, or with what words it failed. Number 0 is of loading: the functions."""

    number: int
    value: Any = None
    failure: str = ""


async def receive(reader: asyncio.StreamReader) -> Any:
    """The next value of the other end. Raises asyncio.IncompleteReadError at its end."""
    size = int.from_bytes(await reader.readexactly(_LENGTH))
    return pickle.loads(await reader.readexactly(size))  # noqa: S301 both ends are the tests'


def send(writer: asyncio.StreamWriter, value: Any) -> None:
    """Send a value to the other end."""
    data = pickle.dumps(value)
    writer.write(len(data).to_bytes(_LENGTH) + data)


async def _main(fd: str, folder: str, client: str, token: str = "") -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=int(fd)))
    worker = Worker(client)
    sys.path.append(folder)  # as the real worker does, before it loads the app
    os.chdir(folder)
    if token:
        _sign_in_with(token)
    try:
        await worker.load(Path(folder))
    except FunctionFailedError as error:
        send(writer, Result(number=0, failure=str(error)))
        return await writer.drain()
    send(writer, Result(number=0, value=worker.functions))
    running = set[asyncio.Task[None]]()
    while True:
        try:
            call = await receive(reader)
        except asyncio.IncompleteReadError:
            os._exit(0)  # the host is gone, and so are we
        task = asyncio.create_task(_answer(worker, call, writer))
        running.add(task)
        task.add_done_callback(running.discard)


async def _answer(worker: Worker, call: Call, writer: asyncio.StreamWriter) -> None:
    try:
        value = await worker.invoke(call.function, call.data, call.metadata)
    except FunctionFailedError as error:
        send(writer, Result(number=call.number, failure=str(error)))
    else:
        send(writer, Result(number=call.number, value=value))


def _sign_in_with(token: str) -> None:
    import host.azure
    from tests.support.credentials import FixedToken

    host.azure.identity = lambda: FixedToken(token)


if __name__ == "__main__":
    from tests.fakes.functions_host import worker_process  # the module that both ends pickle by

    asyncio.run(worker_process._main(*sys.argv[1:]))  # pyright: ignore[reportPrivateUsage]
