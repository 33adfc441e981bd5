"""Our Durable Task Scheduler in any weather."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.scheduler import SchedulerProcess
from tests.support.weather.process import ProcessWeather, proxy_before

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


class SchedulerWeather(ProcessWeather[SchedulerProcess]):
    """A running hub behind a proxy."""

    @property
    def endpoint(self) -> str:
        """The URL for clients and workers; it leads through the proxy."""
        return f"http://127.0.0.1:{self.proxy.port}"


@asynccontextmanager
async def scheduler_weather(folder: Path, *, pace: float = 1.0) -> AsyncGenerator[SchedulerWeather]:
    """A hub process, which keeps its data in `folder`, behind a proxy."""
    hub = SchedulerProcess(folder, pace)
    async with proxy_before(hub) as proxy:
        yield SchedulerWeather(hub, proxy)
