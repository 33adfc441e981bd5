"""The host around an app: its task hub, its worker, its queue trigger and its front end."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from host.background import Background
from tests.fakes.functions_host.durable import FunctionsTaskHub, client_configuration
from tests.fakes.functions_host.http import front_end
from tests.fakes.functions_host.package import worker_process
from tests.fakes.functions_host.triggers import pump_queue
from tests.fakes.functions_host.worker import CrashPoint, Worker
from tests.fakes.task_hub.server import task_hub

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from shared.ports import WorkQueue
    from tests.fakes.functions_host.package import StagedPackage

PROJECT = Path(__file__).parents[3]


@asynccontextmanager
async def functions_host(
    folder: Path,
    port: int,
    queue: WorkQueue,
    crash: CrashPoint | None = None,
    *,
    package: tuple[StagedPackage, Mapping[str, str], str] | None = None,
) -> AsyncGenerator[Worker]:
    """Load the app, whose ports `host.azure.build` gives, and run it for as long as the block
    lasts: here, or that of a package, with its settings and a token, in a process of its own.
    `folder` keeps the task hub; `queue` feeds the Service Bus trigger.
    """
    async with AsyncExitStack() as stack:
        hub = FunctionsTaskHub.open(folder / "engine.db")
        stack.push_async_callback(hub.stop)
        address = await stack.enter_async_context(task_hub(hub))
        client = client_configuration(address)
        if package is None:
            worker = Worker(client, crash)
            await worker.load(PROJECT)
        else:
            staged, settings, token = package
            worker = await stack.enter_async_context(
                worker_process(staged, client, settings, token)
            )
        background = await stack.enter_async_context(Background())
        hub.serve(worker)
        background.run(pump_queue(worker, queue), name="service bus")
        await stack.enter_async_context(front_end(worker, port))
        yield worker
