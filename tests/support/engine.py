"""A local engine that runs, for tests of orchestrators and of the engine itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from durabletask.task import Orchestrator

from adapters.local.engine import LocalEngine
from shared.model import JsonObject
from shared.ports import Engine, Instance, InstanceState

type Activity = Callable[[JsonObject], Awaitable[JsonObject]]

ENDED = {InstanceState.COMPLETED, InstanceState.FAILED, InstanceState.TERMINATED}


@asynccontextmanager
async def local_engine(
    path: Path,
    orchestrators: Iterable[Orchestrator[Any, Any]],
    activities: Mapping[str, Activity] | None = None,
    **options: Any,
) -> AsyncGenerator[LocalEngine]:
    """An engine on the file at `path`, its worker started; `options` are those of
    `LocalEngine.open`.
    """
    engine = LocalEngine.open(path, **options)
    engine.register(orchestrators, activities or {})
    engine.start_worker()
    try:
        yield engine
    finally:
        await engine.stop()


async def ended(engine: Engine, instance_id: str, *, within_s: float = 20.0) -> Instance:
    """Wait until an instance has ended; how it stands then."""
    async with asyncio.timeout(within_s):
        while True:
            instance = await engine.instance(instance_id)
            if instance and instance.state in ENDED:
                return instance
            await asyncio.sleep(0.005)


async def raised(
    engine: Engine, instance_id: str, name: str, payload: JsonObject, *, within_s: float = 20.0
) -> None:
    """Raise an event, again and again until the instance is there to take it."""
    async with asyncio.timeout(within_s):
        while True:
            if await engine.raise_event(instance_id, name=name, payload=payload):
                return
            await asyncio.sleep(0.005)
