"""The hub on a port: its calls, its timers, its weather."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import grpc
from durabletask.internal.orchestrator_service_pb2_grpc import (  # pyright: ignore[reportMissingTypeStubs]
    add_TaskHubSidecarServiceServicer_to_server,  # pyright: ignore[reportUnknownVariableType]
)

from tests.fakes.scheduler.hub import Hub
from tests.fakes.scheduler.service import SchedulerService
from tests.fakes.scheduler.store import Store
from tests.fakes.scheduler.weather import HubWeather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    # A worker that is gone without a word gives back what it held.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
)


class Scheduler:
    """A running hub. `weather.weather` may be set at any time."""

    def __init__(self, hub: Hub, weather: HubWeather, port: int) -> None:
        self.hub = hub
        self.weather = weather
        self.endpoint = f"http://127.0.0.1:{port}"

    async def keep_time(self) -> None:
        """Fire the timers that are due, for ever."""
        hub = self.hub
        while True:
            hub.armed.clear()
            with hub.transaction():
                hub.fire_timers()
            due = hub.next_timer_at()
            with suppress(TimeoutError):
                async with asyncio.timeout(hub.clock.seconds_until(due) if due else None):
                    await hub.armed.wait()


@asynccontextmanager
async def scheduler(
    path: Path | None = None, *, port: int = 0, pace: float = 1.0
) -> AsyncGenerator[Scheduler]:
    """Serve a hub on a port of 127.0.0.1 for as long as the block lasts; without a path it forgets
    everything then.
    """
    store = Store(path)
    weather = HubWeather()
    hub = Hub(store, pace=pace)
    server = grpc.aio.server(interceptors=[weather], options=OPTIONS)
    add_TaskHubSidecarServiceServicer_to_server(SchedulerService(hub, store, weather), server)
    running = Scheduler(hub, weather, server.add_insecure_port(f"127.0.0.1:{port}"))
    await server.start()
    time = asyncio.create_task(running.keep_time())
    try:
        yield running
    finally:
        time.cancel()
        await server.stop(None)
        store.close()
        with suppress(asyncio.CancelledError):
            await time
