"""The worker and the client engine of containers, on a hub that a test may spoil."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from adapters.azure.engine import DurableClientEngine
from adapters.azure.scheduler import scheduler_client
from adapters.azure.task_hub_worker import TaskHubWorker
from shared.errors import ServiceUnavailableError
from shared.settings.azure_observed import SchedulerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping

    from durabletask.task import Orchestrator

    from shared.model import JsonObject

    type Activity = Callable[[JsonObject], Awaitable[JsonObject]]


@asynccontextmanager
async def hub_engine(endpoint: str) -> AsyncGenerator[DurableClientEngine]:
    """The engine of a client of the hub."""
    settings = SchedulerSettings(endpoint=endpoint)
    async with scheduler_client(settings, no_identity) as client:
        yield DurableClientEngine(client)


@asynccontextmanager
async def hub_worker(
    endpoint: str,
    orchestrators: Iterable[Orchestrator[Any, Any]],
    activities: Mapping[str, Activity],
    *,
    stop_within_s: float = 5.0,
) -> AsyncGenerator[TaskHubWorker]:
    """A worker of the hub, started."""
    settings = SchedulerSettings(endpoint=endpoint)
    worker = TaskHubWorker(settings, no_identity, orchestrators, activities)
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop(stop_within_s)


async def insist[T](call: Callable[[], Awaitable[T]]) -> T:
    """Ask until the hub answers, as all callers of the engine do."""
    while True:
        try:
            return await call()
        except ServiceUnavailableError:
            await asyncio.sleep(0.05)


def no_identity() -> NoReturn:
    raise AssertionError("an emulator asks for none")
