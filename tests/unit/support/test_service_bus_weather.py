"""Service Bus in any weather: a process behind a proxy, asked by the official SDK."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusError, ServiceBusServerBusyError

from tests.support.weather import Weather
from tests.support.weather.service_bus import ServiceBusWeather, service_bus_weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from azure.servicebus.aio import ServiceBusSender

QUEUE = "submissions"
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def collected() -> Generator[None]:
    """The SDK leaves the sockets of connections that broke to the garbage collector."""
    yield
    gc.collect()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[ServiceBusWeather]:
    async with service_bus_weather(tmp_path) as running:
        yield running


@pytest.fixture
async def client(service: ServiceBusWeather) -> AsyncGenerator[ServiceBusClient]:
    """A client that tries everything once."""
    text = service.connection_string
    async with ServiceBusClient.from_connection_string(text, retry_total=0) as connected:
        yield connected


async def send(sender: ServiceBusSender, text: str) -> None:
    await sender.send_messages(ServiceBusMessage(text, message_id=text))


async def test_messages_pass_through_in_good_weather(
    service: ServiceBusWeather, client: ServiceBusClient
) -> None:
    async with client.get_queue_sender(QUEUE) as sender:
        await send(sender, "one")
    async with client.get_queue_receiver(QUEUE) as receiver:
        (message,) = await receiver.receive_messages(1, max_wait_time=5)
        await receiver.complete_message(message)
        assert await receiver.peek_messages(1) == []
    assert service.proxy.connections >= 1
    assert service.struck == 0


async def test_each_weather_strikes_and_passes(
    service: ServiceBusWeather, client: ServiceBusClient
) -> None:
    service.proxy.longest_cut = 100
    async with client.get_queue_sender(QUEUE) as sender:
        await send(sender, "first")
        for weather, error in {
            Weather.THROTTLING: ServiceBusServerBusyError,
            Weather.WRONG: ServiceBusError,
            Weather.DOWN: ServiceBusError,
            Weather.CUT: ServiceBusError,
        }.items():
            before = service.struck
            service.weather = weather
            assert service.weather is weather
            with pytest.raises(error):
                await send(sender, weather)
            service.weather = Weather.WELL
            assert service.weather is Weather.WELL
            assert service.struck > before
            await send(sender, f"after {weather}")
        service.weather, service.proxy.late_s = Weather.SLOW, 0.3
        began = time.monotonic()
        await send(sender, "slow")
        assert time.monotonic() - began >= 0.3
        service.weather = Weather.WELL


async def test_a_broker_that_was_killed_starts_in_good_weather(service: ServiceBusWeather) -> None:
    service.weather = Weather.THROTTLING
    await asyncio.to_thread(service.process.kill)
    await asyncio.to_thread(service.process.start)
    assert service.weather is Weather.WELL
    assert service.struck == 0
