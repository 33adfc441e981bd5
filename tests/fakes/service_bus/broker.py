"""The broker: its entities by address, its server, and the weather that a test may ask for."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.service_bus import errors
from tests.fakes.service_bus.alarm import Alarm
from tests.fakes.service_bus.connection import Connection
from tests.fakes.service_bus.faults import Faults
from tests.fakes.service_bus.queue import Queue, QueueRules
from tests.fakes.service_bus.store import Store
from tests.fakes.service_bus.topic import CorrelationFilter, Topic
from tests.support.weather.kinds import Weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

_MANAGEMENT = "/$management"
_CBS = "$cbs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entities:
    """What a namespace holds: queues, and topics with the filters of their subscriptions."""

    queues: Mapping[str, QueueRules] = field(default_factory=dict[str, QueueRules])
    topics: Mapping[str, Mapping[str, CorrelationFilter]] = field(
        default_factory=dict[str, "Mapping[str, CorrelationFilter]"]
    )


class Broker:
    """A namespace of Service Bus on 127.0.0.1. Made inside a running event loop."""

    def __init__(self, entities: Entities, path: Path | None = None) -> None:
        self.faults = Faults()
        self.port = 0
        self._alarm = Alarm()
        self._store = Store(path)
        self._entities: dict[str, Queue | Topic] = {}
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        for name, rules in entities.queues.items():
            self._add_queue(name.lower(), rules)
        for name, subscriptions in entities.topics.items():
            self._add_topic(name.lower(), subscriptions)

    @property
    def connection_string(self) -> str:
        """For the SDKs."""
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName=key;SharedAccessKey=secret;"
            "UseDevelopmentEmulator=true;"
        )

    @property
    def weather(self) -> Weather:
        """WELL, THROTTLING or WRONG; what else there is, a proxy can do."""
        return self.faults.weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        if weather not in {Weather.WELL, Weather.THROTTLING, Weather.WRONG}:
            raise ValueError(f"a broker cannot be {weather} itself; put a proxy before it")
        self.faults.weather = weather
        if weather is Weather.THROTTLING:
            for connection in self._connections:
                connection.detach_receivers()

    async def start(self, port: int = 0) -> None:
        """Listen; on the same port again after `stop`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port or self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and cut every connection. What was put in stays."""
        if self._server is not None:
            self._server.close()
        self.sever()
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Stop for good."""
        await self.stop()
        self._alarm.stop()
        while self._connections:
            await asyncio.sleep(0)
        self._store.close()

    def sever(self) -> None:
        """Cut every connection."""
        for connection in self._connections:
            connection.sever()

    def detach_senders(self, reason: errors.RefusedError) -> None:
        """Take their links from those who send."""
        for connection in self._connections:
            connection.detach_senders(reason)

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._connections)

    def queue_at(self, address: str) -> Queue:
        """The queue, subscription or dead letters at an address. Raises RefusedError."""
        entity = self.entity_at(address)
        if not isinstance(entity, Queue):
            raise errors.not_found(address)
        return entity

    def entity_at(self, address: str) -> Queue | Topic:
        """What is at an address. Raises RefusedError."""
        if (entity := self._entities.get(_path(address))) is None:
            raise errors.not_found(address)
        return entity

    def is_management(self, address: str) -> bool:
        """Whether an address is that of a management node."""
        path = _path(address)
        return path == _CBS or path.endswith(_MANAGEMENT)

    def managed(self, address: str) -> Queue | Topic | None:
        """What a management node manages; None for $cbs. Raises RefusedError."""
        path = _path(address)
        return None if path == _CBS else self.entity_at(path.removesuffix(_MANAGEMENT))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _add_queue(self, name: str, rules: QueueRules) -> Queue:
        queue = Queue(name, rules, self._store, self._alarm)
        self._entities[name] = queue
        if queue.dead_letters is not None:
            self._entities[queue.dead_letters.name] = queue.dead_letters
        return queue

    def _add_topic(self, name: str, subscriptions: Mapping[str, CorrelationFilter]) -> None:
        queues = {
            each: (self._add_queue(f"{name}/subscriptions/{each.lower()}", QueueRules()), wanted)
            for each, wanted in subscriptions.items()
        }
        self._entities[name] = Topic(name, queues)


@asynccontextmanager
async def broker(entities: Entities, path: Path | None = None) -> AsyncGenerator[Broker]:
    """A broker that runs for as long as the block lasts."""
    running = Broker(entities, path)
    await running.start()
    try:
        yield running
    finally:
        await running.close()


def _path(address: str) -> str:
    """The path of ``amqps://host/path``, in small letters."""
    _, scheme, rest = address.partition("://")
    return (rest.partition("/")[2] if scheme else address).strip("/").lower()
