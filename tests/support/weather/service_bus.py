"""Our Service Bus in any weather: a proxy makes what can happen to connections, and the broker what
takes its own words.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.service_bus import ServiceBusProcess
from tests.support.weather.kinds import Weather
from tests.support.weather.tcp import TcpWeather, tcp_weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

_OF_BROKER = frozenset({Weather.THROTTLING, Weather.WRONG})


class ServiceBusWeather:
    """A running broker behind a proxy."""

    def __init__(self, broker: ServiceBusProcess, proxy: TcpWeather) -> None:
        self.broker = broker
        self.proxy = proxy

    @property
    def connection_string(self) -> str:
        """For the SDKs; it leads through the proxy."""
        return self.broker.connection_string.replace(f":{self.broker.port}", f":{self.proxy.port}")

    @property
    def weather(self) -> Weather:
        """The weather now; it is in force as soon as it is set."""
        return self.proxy.weather if self.broker.weather is Weather.WELL else self.broker.weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        of_broker = weather in _OF_BROKER
        self.broker.weather = weather if of_broker else Weather.WELL
        self.proxy.weather = Weather.WELL if of_broker else weather

    @property
    def struck(self) -> int:
        """How many requests and connections the weather has spoiled."""
        return self.proxy.struck + self.broker.struck


@asynccontextmanager
async def service_bus_weather(
    folder: Path, *, queue: str = "submissions"
) -> AsyncGenerator[ServiceBusWeather]:
    """A broker process with one queue, which keeps its data in `folder`, behind a proxy."""
    broker = ServiceBusProcess(folder, queue)
    await asyncio.to_thread(broker.start)
    try:
        async with tcp_weather("127.0.0.1", broker.port) as proxy:
            yield ServiceBusWeather(broker, proxy)
    finally:
        broker.kill()
