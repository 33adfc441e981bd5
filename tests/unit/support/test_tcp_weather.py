"""What each weather does to connections that carry anything, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.support.raw_http import RawConnection, connected
from tests.support.weather import TcpWeather, Weather, tcp_weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MIB = 1 << 20
MOST_ON_THE_WAY = 32 * MIB  # the machine's own buffers of two connections hold some MiB


@dataclass(slots=True)
class Server:
    """Answers each line with itself in capitals; `heard` are the lines."""

    heard: list[bytes] = field(default_factory=list[bytes])
    may_read: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        await self.may_read.wait()
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                self.heard.append(line)
                writer.write(line.upper())
                await writer.drain()
        writer.close()


@asynccontextmanager
async def weather_before_a_server(*, seed: int = 1) -> AsyncGenerator[tuple[TcpWeather, Server]]:
    server = Server()
    server.may_read.set()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with (
        asyncio.timeout(60),
        listening,
        tcp_weather(*listening.sockets[0].getsockname(), seed=seed) as proxy,
    ):
        yield proxy, server


async def ask(client: RawConnection, line: bytes = b"hello\n") -> bytes:
    await client.send(line)
    return await client.reader.read(65536)


async def hears_the_end(client: RawConnection) -> bool:
    """Whether the connection has ended, in whatever way."""
    with contextlib.suppress(ConnectionError):
        return await client.reader.read(65536) == b""
    return True


async def test_bytes_pass_both_ways_and_so_does_the_end_of_either() -> None:
    async with weather_before_a_server() as (proxy, _), connected(proxy.port) as client:
        assert await ask(client) == b"HELLO\n"
        await client.send(b"last\n")
        client.writer.write_eof()
        assert await client.reader.read() == b"LAST\n"
        assert (proxy.connections, proxy.struck) == (1, 0)


async def test_nobody_listens_while_the_server_is_down_and_the_port_comes_back() -> None:
    async with weather_before_a_server() as (proxy, _):
        async with connected(proxy.port) as client:
            assert await ask(client) == b"HELLO\n"
            proxy.weather = Weather.DOWN
            assert await hears_the_end(client)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", proxy.port)
            proxy.weather = Weather.WELL
        async with connected(proxy.port) as client:
            assert await ask(client) == b"HELLO\n"
        assert proxy.struck == 1


async def test_slow_answers_come_late_in_order_and_do_not_wait_for_each_other() -> None:
    async with weather_before_a_server() as (proxy, server), connected(proxy.port) as client:
        proxy.weather, proxy.late_s = Weather.SLOW, 0.4
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(10):
            await client.send(b"line %d\n" % number)
            await asyncio.sleep(0.02)
        assert len(server.heard) == 10
        proxy.weather = Weather.WELL
        await client.send(b"end\n")
        assert await client.reader.readuntil(b"END\n") == b"".join(server.heard).upper()
        assert 0.4 <= loop.time() - began < 2
        assert proxy.struck == 1


async def test_noise_comes_instead_of_answers_and_its_connection_ends_with_the_weather() -> None:
    async with weather_before_a_server() as (proxy, server):
        async with connected(proxy.port) as spoiled, connected(proxy.port) as idle:
            assert await ask(spoiled) == await ask(idle) == b"HELLO\n"
            proxy.weather = Weather.WRONG
            noise = await ask(spoiled)
            assert len(noise) == 6
            assert noise != b"HELLO\n"
            assert len(server.heard) == 3
            proxy.weather = Weather.WELL
            assert await hears_the_end(spoiled)
            assert await ask(idle) == b"HELLO\n"
        assert proxy.struck == 1


async def test_connections_are_cut_after_a_few_answers_and_more_was_done_than_was_heard() -> None:
    async with weather_before_a_server() as (proxy, server):
        async with connected(proxy.port) as client:
            assert await ask(client) == b"HELLO\n"
            proxy.weather, proxy.longest_cut = Weather.CUT, 100
            assert await hears_the_end(client)
        for number in range(1, 11):
            server.heard.clear()
            answers = await until_cut(proxy.port)
            assert 1 <= len(answers) <= 100
            assert len(b"".join(server.heard)) >= len(answers)
            assert proxy.struck == 1 + number


async def test_the_seed_says_where_the_cuts_are() -> None:
    lengths = list[list[int]]()
    for seed in (1, 1, 2):
        async with weather_before_a_server(seed=seed) as (proxy, _):
            proxy.weather, proxy.longest_cut = Weather.CUT, 100
            lengths.append([len(await until_cut(proxy.port)) for _ in range(5)])
    assert lengths[0] == lengths[1] != lengths[2]


async def until_cut(port: int) -> bytes:
    """All answers until the connection is cut."""
    answers = b""
    async with connected(port) as client:
        with contextlib.suppress(ConnectionError):
            while answer := await ask(client):
                answers += answer
    return answers


async def test_throttling_takes_a_server_of_the_protocol() -> None:
    async with weather_before_a_server() as (proxy, _), connected(proxy.port) as client:
        with pytest.raises(ValueError, match="protocol"):
            proxy.weather = Weather.THROTTLING
        assert proxy.weather is Weather.WELL
        assert await ask(client) == b"HELLO\n"


async def test_a_server_that_is_not_there_is_not_answered_for() -> None:
    async with tcp_weather("127.0.0.1", 9) as proxy, connected(proxy.port) as client:
        assert await hears_the_end(client)


async def test_bytes_go_no_faster_than_they_are_read() -> None:
    async with weather_before_a_server() as (proxy, server):
        server.may_read.clear()
        async with connected(proxy.port) as client:
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < 2 * MOST_ON_THE_WAY:
                    await asyncio.wait_for(client.send(bytes(MIB)), 0.3)
                    sent += MIB
        server.may_read.set()
    assert sent < MOST_ON_THE_WAY
