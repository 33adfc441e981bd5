"""What passes through the HTTP proxy in good weather is not changed, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
from aiohttp import ClientSession, web

from tests.support.raw_http import connected
from tests.support.weather import http_weather
from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

MIB = 1 << 20
MOST_ON_THE_WAY = 32 * MIB  # the machine's own buffers of two connections hold some MiB
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

type Serve = Callable[[StreamReader, StreamWriter], Awaitable[None]]


@asynccontextmanager
async def proxy_before(serve: Serve) -> AsyncGenerator[int]:
    """The port of a proxy before a server that is played byte by byte."""

    async def serve_one(reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, http_weather(f"http://127.0.0.1:{port}") as proxy:
        yield proxy.port


@dataclass(slots=True)
class Script:
    """A server that always says the same; `heard` is what it was told, head and body."""

    answer: bytes
    last: bytes = b"\r\n\r\n"  # how a request ends
    heard: bytes = b""

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            self.heard = await reader.readuntil(self.last)
            writer.write(self.answer)
            if b"Connection: close" in self.answer:
                return


async def exchange(
    answer: bytes, request: bytes, last: bytes = b"\r\n\r\n", end: bytes = b""
) -> tuple[bytes, bytes]:
    """What the server heard, and what the client heard (to where it ends), in one request."""
    script = Script(answer, last)
    async with asyncio.timeout(60), proxy_before(script) as port, connected(port) as client:
        await client.send(request)
        heard = b""
        while not heard.endswith(end or answer[-4:]):
            heard += await client.reader.read(65536)
    return script.heard, heard


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/devstoreaccount1/c/%C3%A5%20b%3F.bin?comp=block&blockid=YQ%3D%3D&sig=a%2Bb%2Fc=",
        "/a//b/../%2e%2E/c",
        "/Tables('x')?",
        "/?&&a==b&A=%7e~",
        "/q?$filter=RowKey%20ge%20'b'&x='#no-fragment",
    ],
)
async def test_method_path_and_query_reach_the_server_as_they_were_written(target: str) -> None:
    heard, _ = await exchange(OK, f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())

    assert heard.startswith(f"GET {target} HTTP/1.1\r\n".encode())


async def test_fields_keep_their_order_case_and_repetitions_and_none_is_added() -> None:
    request = (
        b"PATCH / HTTP/1.1\r\nHost: example.org:99\r\nx-ms-Date: today\r\nAccept: a\r\nTwice: 1\r\n"
        b"Authorization: SharedKey a:b=\r\nTwice: 2\r\nContent-Length: 0\r\n\r\n"
    )
    answer = (
        b"HTTP/1.1 299 Quite Well\r\nx-ms-Thing: 1\r\nTwice: b\r\nTwice: a\r\n"
        b"Content-Length: 0\r\n\r\n"
    )

    assert await exchange(answer, request) == (request, answer)


async def test_fields_for_one_hop_stay_there() -> None:
    heard, said = await exchange(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-A\r\nX-A: 1\r\nTE: a\r\n\r\n",
    )

    assert heard == b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    assert said == OK


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("PUT", b"HTTP/1.1 201 Created\r\nETag: 1\r\nContent-Length: 0\r\n\r\n"),
        ("DELETE", b"HTTP/1.1 204 No Content\r\nETag: 1\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: 1\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Type: a/b\r\n\r\n"),
        ("OPTIONS", b"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n\r\n1234"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip"),
    ],
)
async def test_every_kind_of_answer_comes_as_it_was_sent(method: str, answer: bytes) -> None:
    _, said = await exchange(answer, f"{method} / HTTP/1.1\r\nHost: h\r\n\r\n".encode())

    assert said == answer


async def test_chunked_and_encoded_bodies_pass_in_both_directions() -> None:
    fields = b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    head = b"POST / HTTP/1.1\r\nHost: h\r\n" + fields
    body = b"8\r\nnot gzip\r\n0\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n" + fields + body

    assert await exchange(answer, head + body, last=body) == (head + body, answer)


async def test_a_body_that_ends_with_the_connection_comes_whole() -> None:
    _, said = await exchange(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        end=b"0\r\n\r\n",
    )
    assert said.endswith(b"\r\n\r\na\r\nto the end\r\n0\r\n\r\n")


async def test_the_server_says_whether_the_body_may_come() -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Expect: 100-continue\r\n" in head
        if head.startswith(b"PUT /refused"):
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert await reader.readexactly(4) == b"data"
            writer.write(OK)

    head = b"PUT /%s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    async with asyncio.timeout(60), proxy_before(serve) as port:
        async with connected(port) as client:
            await client.send(head % b"taken")
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await client.send(b"data")
            assert await client.reader.readuntil(b"\r\n\r\n") == OK
        async with connected(port) as client:
            await client.send(head % b"refused")
            assert (await client.reader.readline()) == b"HTTP/1.1 413 Too Large\r\n"


async def test_an_answer_that_comes_before_the_body_is_sent_is_heard() -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async with asyncio.timeout(60), proxy_before(serve) as port, connected(port) as client:
        await client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + bytes(10))
        assert await client.reader.readline() == b"HTTP/1.1 413 Too Large\r\n"


async def test_a_body_goes_no_faster_than_the_server_reads_it() -> None:
    over = asyncio.Event()

    async def serve(reader: StreamReader, _writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await over.wait()

    async with proxy_before(serve) as port, connected(port) as client:
        await client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n")
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 2 * MOST_ON_THE_WAY:
                await asyncio.wait_for(client.send(bytes(MIB)), 0.3)
                sent += MIB
        over.set()
    assert sent < MOST_ON_THE_WAY


async def test_an_answer_comes_no_faster_than_the_client_reads_it() -> None:
    sent = 0
    stopped = asyncio.Event()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        with contextlib.suppress(TimeoutError):
            while sent < 2 * MOST_ON_THE_WAY:
                writer.write(bytes(MIB))
                await asyncio.wait_for(writer.drain(), 0.3)
                sent += MIB
        stopped.set()

    async with asyncio.timeout(60), proxy_before(serve) as port, connected(port) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await stopped.wait()
    assert sent < MOST_ON_THE_WAY


async def test_many_are_served_at_once_and_connections_are_used_again() -> None:
    async def echo(request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response(body=await request.read())

    async def ask(client: ClientSession, url: str, body: bytes) -> bytes:
        async with client.post(url, data=body) as answer:
            return await answer.read()

    async with answering(echo) as url, http_weather(url) as proxy, ClientSession() as client:
        for _ in range(3):
            bodies = [str(number).encode() * 1000 for number in range(100)]
            asked = (ask(client, proxy.url, body) for body in bodies)
            assert await asyncio.gather(*asked) == bodies
        assert (proxy.requests, proxy.struck) == (300, 0)


async def test_a_request_whose_answer_was_lost_is_not_sent_again() -> None:
    heard = list[bytes]()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        """Answers the first request of a connection, and hangs up after the second."""
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        heard.append(await reader.readuntil(b"\r\n\r\n"))

    async with asyncio.timeout(60), proxy_before(serve) as port, connected(port) as client:
        await client.send(b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert await client.reader.readuntil(b"\r\n\r\n") == OK
        await client.send(b"GET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert await client.reader.read() == b""
    assert [request[:6] for request in heard] == [b"GET /1", b"GET /2"]


async def test_a_server_that_hangs_up_in_the_middle_is_seen_to() -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    async with proxy_before(serve) as port, httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://127.0.0.1:{port}")


async def test_a_server_that_is_not_there_is_not_answered_for() -> None:
    async with (
        http_weather("http://127.0.0.1:9") as proxy,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        with pytest.raises(httpx.TransportError):
            await client.get(proxy.url)


@asynccontextmanager
async def answering(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with web_server(app) as url:
        yield url
