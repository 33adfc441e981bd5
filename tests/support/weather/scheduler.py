"""Our Durable Task Scheduler in any weather: a proxy makes what can happen to connections, and the
hub what takes its own words.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.scheduler import SchedulerProcess
from tests.support.weather.kinds import Weather
from tests.support.weather.tcp import TcpWeather, tcp_weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

_OF_HUB = frozenset({Weather.THROTTLING, Weather.WRONG})


class SchedulerWeather:
    """A running hub behind a proxy."""

    def __init__(self, hub: SchedulerProcess, proxy: TcpWeather) -> None:
        self.hub = hub
        self.proxy = proxy

    @property
    def endpoint(self) -> str:
        """The URL for clients and workers; it leads through the proxy."""
        return f"http://127.0.0.1:{self.proxy.port}"

    @property
    def weather(self) -> Weather:
        """The weather now; it is in force as soon as it is set."""
        return self.proxy.weather if self.hub.weather is Weather.WELL else self.hub.weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        of_hub = weather in _OF_HUB
        self.hub.weather = weather if of_hub else Weather.WELL
        self.proxy.weather = Weather.WELL if of_hub else weather

    @property
    def struck(self) -> int:
        """How many calls and connections the weather has spoiled."""
        return self.proxy.struck + self.hub.struck


@asynccontextmanager
async def scheduler_weather(folder: Path, *, pace: float = 1.0) -> AsyncGenerator[SchedulerWeather]:
    """A hub process, which keeps its data in `folder`, behind a proxy."""
    hub = SchedulerProcess(folder, pace)
    await asyncio.to_thread(hub.start)
    try:
        async with tcp_weather("127.0.0.1", hub.port) as proxy:
            yield SchedulerWeather(hub, proxy)
    finally:
        hub.kill()
