"""A process in any weather: a proxy makes what can happen to connections, and the process itself
what takes its own words.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.weather.kinds import Weather
from tests.support.weather.tcp import TcpWeather, tcp_weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.support.told_process import ToldProcess

_OF_PROCESS = frozenset({Weather.THROTTLING, Weather.WRONG})


class ProcessWeather[Process: ToldProcess]:
    """A running process behind a proxy."""

    def __init__(self, process: Process, proxy: TcpWeather) -> None:
        self.process = process
        self.proxy = proxy

    @property
    def weather(self) -> Weather:
        """The weather now; it is in force as soon as it is set."""
        return self.proxy.weather if self.process.weather is Weather.WELL else self.process.weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        of_process = weather in _OF_PROCESS
        self.process.weather = weather if of_process else Weather.WELL
        self.proxy.weather = Weather.WELL if of_process else weather

    @property
    def struck(self) -> int:
        """How many requests and connections the weather has spoiled."""
        return self.proxy.struck + self.process.struck


@asynccontextmanager
async def proxy_before(process: ToldProcess) -> AsyncGenerator[TcpWeather]:
    """Run a process, and a proxy before it."""
    await asyncio.to_thread(process.start)
    try:
        async with tcp_weather("127.0.0.1", process.port) as proxy:
            yield proxy
    finally:
        process.kill()
