"""Our Service Bus in any weather."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.service_bus import ServiceBusProcess
from tests.support.weather.process import ProcessWeather, proxy_before

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


class ServiceBusWeather(ProcessWeather[ServiceBusProcess]):
    """A running broker behind a proxy."""

    @property
    def connection_string(self) -> str:
        """For the SDKs; it leads through the proxy."""
        direct = self.process.connection_string
        return direct.replace(f":{self.process.port}", f":{self.proxy.port}")


@asynccontextmanager
async def service_bus_weather(
    folder: Path, *, queue: str = "submissions"
) -> AsyncGenerator[ServiceBusWeather]:
    """A broker process with one queue, which keeps its data in `folder`, behind a proxy."""
    broker = ServiceBusProcess(folder, queue)
    async with proxy_before(broker) as proxy:
        yield ServiceBusWeather(broker, proxy)
