"""A proxy before a server that speaks anything over TCP, and the weather that it makes.

- DOWN: connections are refused, and those that exist are cut.
- SLOW: whatever the server sends comes `late_s` later.
- WRONG: the server hears what is said, and the client hears noise instead of its answers. Such a
  connection is of no use any more: the next weather cuts it.
- CUT: connections that exist are cut, and so is each new one after a few thousand bytes of answers
  at most: what was asked is done, and the client does not hear of it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

from tests.support.weather.door import Door
from tests.support.weather.kinds import Weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    type Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_CHUNK = 16 * 1024
_MOST_UNDER_WAY = 1024  # chunks of a connection; while all is slow, many small ones wait


class TcpWeather:
    """A running proxy. `connections` counts all that were made, `struck` those that the weather
    spoiled; nobody can count who was refused while the server was down.
    """

    def __init__(self, host: str, port: int, seed: int) -> None:
        self.late_s = 5.0
        self.longest_cut = 4000  # bytes of answers; the handshake of AMQP takes about a thousand
        self.connections = 0
        self.struck = 0
        self.random = Random(seed)  # noqa: S311
        self._target = (host, port)
        self._weather = Weather.WELL
        self._open = set[_Connection]()
        self._tasks = set[asyncio.Task[None]]()
        self._door = Door(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader(_CHUNK), self._accept)
        )
        self._door.open()

    @property
    def port(self) -> int:
        """Where to connect to, on 127.0.0.1."""
        return self._door.port

    @property
    def weather(self) -> Weather:
        """The weather now; it is in force as soon as it is set."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        if weather is Weather.THROTTLING:
            raise ValueError("throttling takes a server of the protocol; a proxy of bytes has none")
        self._weather = weather
        for connection in self._open:
            connection.turn(weather)
        if weather is Weather.DOWN:
            self._door.shut()
        else:
            self._door.open()

    async def close(self) -> None:
        """Cut everything, and be gone."""
        await self._door.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve((reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: Stream) -> None:
        self.connections += 1
        connection = _Connection(self, client)
        self._open.add(connection)
        try:
            server = await asyncio.open_connection(*self._target, limit=_CHUNK)
            await connection.run(server)
        except* OSError:
            connection.cut()
        finally:
            self._open.discard(connection)
            client[1].close()


class _Connection:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, proxy: TcpWeather, client: Stream) -> None:
        self._proxy = proxy
        self._reader, self._writer = client
        self._under_way = asyncio.Queue[tuple[float, bytes]](_MOST_UNDER_WAY)
        self._task = asyncio.current_task()
        self._is_struck = False
        self._is_noise = False
        self._until_cut = proxy.random.randint(1, proxy.longest_cut)

    def turn(self, weather: Weather) -> None:
        """The weather has changed."""
        if weather in {Weather.DOWN, Weather.CUT}:
            self._strike()
            self.cut()
        elif self._is_noise and weather is not Weather.WRONG:
            self.cut()

    def cut(self) -> None:
        """Hang up, at once."""
        self._writer.transport.abort()
        if self._task is not None:
            self._task.cancel()

    async def run(self, server: Stream) -> None:
        """Pass everything on until both have said all, or one of them is gone."""
        answers, questions = server
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(self._reader, questions))
                group.create_task(self._take(answers))
                group.create_task(self._give())
        finally:
            questions.close()  # in good order: the server is to hear all that was asked

    async def _take(self, answers: asyncio.StreamReader) -> None:
        loop = asyncio.get_running_loop()
        chunk = b"?"
        while chunk:
            chunk = await answers.read(_CHUNK)
            is_slow = self._proxy.weather is Weather.SLOW
            due = loop.time() + self._proxy.late_s * is_slow
            await self._under_way.put((due, chunk))

    async def _give(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, chunk = await self._under_way.get()
            if (late_s := due - loop.time()) > 0:
                self._strike()
                await asyncio.sleep(late_s)
            if not chunk:
                self._writer.write_eof()
                return
            self._writer.write(self._spoiled(chunk))
            await self._writer.drain()
            if not self._until_cut:
                raise ConnectionAbortedError

    def _spoiled(self, chunk: bytes) -> bytes:
        if self._proxy.weather is Weather.WRONG:
            self._strike()
            self._is_noise = True
            return self._proxy.random.randbytes(len(chunk))
        if self._proxy.weather is Weather.CUT:
            chunk = chunk[: self._until_cut]
            self._until_cut -= len(chunk)
            if not self._until_cut:
                self._strike()
        return chunk

    def _strike(self) -> None:
        if not self._is_struck:
            self._is_struck = True
            self._proxy.struck += 1


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()


@asynccontextmanager
async def tcp_weather(host: str, port: int, *, seed: int = 1) -> AsyncGenerator[TcpWeather]:
    """A proxy before the server at an address."""
    weather = TcpWeather(host, port, seed)
    try:
        yield weather
    finally:
        await weather.close()
