"""The Service Bus adapters while the service is down, slow, busy, wrong, or cut off."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import pytest

from adapters.azure.topic_publisher import ServiceBusTopicPublisher
from adapters.azure.work_queue import ServiceBusWorkQueue
from host.queue_pump import pump_queue
from shared.errors import IngestError, ServiceUnavailableError
from shared.events import COMPLETED
from shared.model import CloudEvent
from shared.settings.azure import ServiceBusSettings
from tests.fakes.service_bus.broker import Broker, Entities, broker
from tests.fakes.service_bus.errors import RefusedError
from tests.fakes.service_bus.queue import QueueRules
from tests.fakes.service_bus.topic import CorrelationFilter
from tests.support.weather import Weather
from tests.support.weather.tcp import TcpWeather, tcp_weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from shared.dispatch import Dispatcher
    from shared.ports import QueuedMessage

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # see `collected`

BAD = [weather for weather in Weather if weather is not Weather.WELL]
OF_BROKER = {Weather.THROTTLING, Weather.WRONG}
EVENT = CloudEvent(
    id="1", source="/mail_ingest", type=COMPLETED, subject="submissions/mail-1", time="", data={}
)


@pytest.fixture(autouse=True)
def collected() -> Generator[None]:
    """The SDK leaves the sockets of connections that broke to the garbage collector."""
    yield
    gc.collect()


class Service:
    """A broker behind a proxy, and our queue on it."""

    def __init__(self, running: Broker, proxy: TcpWeather) -> None:
        self.broker = running
        self.proxy = proxy
        self.queue = ServiceBusWorkQueue.open(self.settings)

    @property
    def settings(self) -> ServiceBusSettings:
        direct = self.broker.connection_string
        text = direct.replace(f":{self.broker.port}", f":{self.proxy.port}")
        return ServiceBusSettings(connection_string=text, topic="done")

    def turn(self, weather: Weather) -> None:
        self.broker.weather = weather if weather in OF_BROKER else Weather.WELL
        self.proxy.weather = Weather.WELL if weather in OF_BROKER else weather

    async def filled(self, *names: str) -> Sequence[QueuedMessage]:
        """Send messages, and take them."""
        for name in names:
            await self.queue.send(name, b"")
        taken: list[QueuedMessage] = []
        while len(taken) < len(names):
            taken += await self.queue.receive(max_messages=len(names) - len(taken), max_wait_s=5)
        return taken

    async def taken(self, max_wait_s: float = 5) -> list[str]:
        """Take what there is, and complete it."""
        messages = await self.queue.receive(max_messages=10, max_wait_s=max_wait_s)
        for message in messages:
            await self.queue.complete(message)
        return [message.message_id for message in messages]


@asynccontextmanager
async def opened(lock_s: float = 60.0) -> AsyncGenerator[Service]:
    rules = QueueRules(lock_s=lock_s, duplicates_known_for_s=60)
    entities = Entities(
        queues={"submissions": rules}, topics={"done": {"desk": CorrelationFilter()}}
    )
    async with broker(entities) as running, tcp_weather("127.0.0.1", running.port) as proxy:
        proxy.late_s = 0.3
        service = Service(running, proxy)
        try:
            yield service
        finally:
            service.turn(Weather.WELL)
            await service.queue.close()


@pytest.mark.parametrize("weather", BAD)
async def test_a_queue_is_received_from_again_as_soon_as_the_weather_is_good(
    weather: Weather,
) -> None:
    async with opened() as service:
        assert await service.taken(0) == []
        service.turn(weather)
        sending = service.queue.send("one", b"")
        hurt = asyncio.gather(sending, service.taken(1), return_exceptions=True)
        await asyncio.sleep(1)
        service.turn(Weather.WELL)
        await hurt

        async with asyncio.timeout(60):
            await service.queue.send("two", b"")
            while "two" not in await service.taken():
                pass  # it was "one" that came


@pytest.mark.parametrize("condition", ["server-busy", "timeout", "internal-error"])
async def test_a_link_that_the_service_has_ended_is_replaced_whatever_the_reason(
    condition: str,
) -> None:
    async with opened() as service:
        await service.queue.send("one", b"")
        assert await service.taken() == ["one"]
        service.broker.detach_senders(RefusedError(f"com.microsoft:{condition}", "Go away."))
        service.broker.faults.refuse_with = f"com.microsoft:{condition}"
        service.broker.weather = Weather.THROTTLING  # sends away who receives
        service.broker.faults.refuse_with = ""
        service.turn(Weather.WELL)

        await service.queue.send("two", b"")

        assert await service.taken() == ["two"]


async def test_a_receiver_whose_link_ends_without_a_word_opens_another() -> None:
    async with opened() as service:
        assert await service.taken(0) == []
        service.proxy.weather = Weather.WRONG  # noise, for which the SDK closes its eyes
        await asyncio.gather(service.taken(1), return_exceptions=True)
        service.proxy.weather = Weather.WELL

        await service.queue.send("one", b"")

        assert await service.taken() == ["one"]


@pytest.mark.parametrize("weather", BAD)
async def test_whatever_fails_is_said_in_an_error_of_ours(weather: Weather) -> None:
    async with opened(lock_s=20) as service:
        messages = await service.filled("0", "1", "2", "3", "4")
        await service.queue.dead_letter(messages[4], reason="no", description="No.")
        publisher = ServiceBusTopicPublisher.open(service.settings)
        service.turn(weather)

        outcomes = await asyncio.gather(
            *(service.queue.send(f"{weather} {number}", b"") for number in range(3)),
            service.queue.receive(max_messages=1, max_wait_s=1),
            service.queue.complete(messages[0]),
            service.queue.abandon(messages[1]),
            service.queue.dead_letter(messages[2], reason="no", description="No."),
            service.queue.depth(),
            service.queue.dead_letters(),
            service.queue.resubmit("4"),
            publisher.publish(EVENT),
            return_exceptions=True,
        )

        faults = [each for each in outcomes if isinstance(each, BaseException)]
        assert all(isinstance(fault, IngestError) for fault in faults), faults
        assert faults or weather not in {Weather.THROTTLING, Weather.DOWN}
        service.turn(Weather.WELL)
        await publisher.publish(EVENT)
        await publisher.close()
        await service.queue.complete(messages[3])


async def test_a_crowd_of_senders_hears_together_that_the_service_is_down() -> None:
    async with opened() as service:
        service.turn(Weather.DOWN)
        began = time.monotonic()

        sending = [service.queue.send(str(number), b"") for number in range(100)]
        outcomes = await asyncio.gather(*sending, return_exceptions=True)

        assert {type(outcome) for outcome in outcomes} == {ServiceUnavailableError}
        assert time.monotonic() - began < 60


async def test_messages_are_settled_although_their_link_has_ended() -> None:
    async with opened() as service:
        done, back, aside = await service.filled("done", "back", "aside")
        service.turn(Weather.THROTTLING)
        service.turn(Weather.WELL)

        await service.queue.complete(done)
        await service.queue.dead_letter(aside, reason="no", description="No.")
        await service.queue.abandon(back)

        (again,) = await service.queue.receive(max_messages=10, max_wait_s=5)
        assert (again.message_id, again.delivery_count) == ("back", 2)
        assert await service.queue.depth() == 1
        (dead,) = await service.queue.dead_letters()
        assert (dead.message_id, dead.reason) == ("aside", "no")


async def test_what_cannot_be_settled_comes_again_when_its_lock_ends() -> None:
    async with opened(lock_s=5) as service:
        (message,) = await service.filled("one")
        service.turn(Weather.THROTTLING)
        with pytest.raises(ServiceUnavailableError, match="submissions: it is busy"):
            await service.queue.complete(message)
        service.turn(Weather.WELL)

        (again,) = await service.queue.receive(max_messages=1, max_wait_s=10)

        assert (again.message_id, again.delivery_count) == ("one", 2)


async def test_a_lock_outlasts_bad_weather() -> None:
    async with opened(lock_s=8) as service:
        (message,) = await service.filled("one")
        for weather in (Weather.THROTTLING, Weather.DOWN):
            service.turn(weather)
            await asyncio.sleep(2.5)  # the first renewal, after 4 s, fails
        service.turn(Weather.WELL)
        await asyncio.sleep(4)

        await service.queue.complete(message)

        assert await service.queue.depth() == 0


async def test_a_slow_service_renews_locks_in_time() -> None:
    async with opened(lock_s=4) as service:
        (message,) = await service.filled("one")
        service.turn(Weather.SLOW)
        await asyncio.sleep(6)

        await service.queue.complete(message)

        service.turn(Weather.WELL)
        assert await service.queue.depth() == 0


async def test_a_cancelled_receiver_does_not_wait_for_a_service_that_is_slow() -> None:
    async with opened() as service:
        service.turn(Weather.SLOW)
        service.proxy.late_s = 300
        receiving = asyncio.create_task(service.taken())
        await asyncio.sleep(0.5)

        began = time.monotonic()
        receiving.cancel()
        await asyncio.wait([receiving])

        assert receiving.cancelled()
        assert time.monotonic() - began < 100


class _SettlingDispatcher:
    """Gives each third message back, and completes the others."""

    def __init__(self, queue: ServiceBusWorkQueue) -> None:
        self._queue = queue
        self.dispatched: list[str] = []

    async def dispatch(self, message: QueuedMessage) -> None:
        self.dispatched.append(message.message_id)
        if len(self.dispatched) % 3 == 0:
            await self._queue.abandon(message, delay_s=0.2)
        else:
            await self._queue.complete(message)


async def test_the_pump_works_on_after_any_weather_and_nothing_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("host.queue_pump._PAUSE_S", 0.2)
    ours = asyncio.all_tasks()
    async with opened(lock_s=5) as service:
        dispatcher = _SettlingDispatcher(service.queue)
        pump = asyncio.create_task(pump_queue(service.queue, cast("Dispatcher", dispatcher)))
        names = [str(number) for number in range(60)]
        sending: list[asyncio.Task[None]] = []
        for weather in BAD * 2:
            service.turn(weather)
            sending += [asyncio.create_task(service.queue.send(name, b"")) for name in names]
            await asyncio.sleep(0.4)
            service.turn(Weather.WELL)
            await asyncio.sleep(0.4)
            assert not pump.done(), pump.exception()
        await asyncio.gather(*sending, return_exceptions=True)
        for name in names:  # whoever is unsure sends again
            await service.queue.send(name, b"")
        async with asyncio.timeout(60):
            while await service.queue.depth():
                await asyncio.sleep(0.1)

        assert set(dispatcher.dispatched) == set(names)
        assert await service.queue.dead_letters() == ()
        await _until_only(2, service.broker)  # one that sends, one that receives
        pump.cancel()
        await asyncio.wait([pump])
        await service.queue.close()
        await _until_only(0, service.broker)
    assert asyncio.all_tasks() == ours


async def _until_only(connections: int, running: Broker) -> None:
    async with asyncio.timeout(60):
        while running.connections > connections:
            gc.collect()
            await asyncio.sleep(0.1)
