"""What each weather does to the requests of an HTTP client, on real sockets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest
from aiohttp import web

from tests.support.certificates import self_signed
from tests.support.raw_http import connected
from tests.support.weather import HttpWeather, Weather, http_weather
from tests.support.weather.http import STORAGE_THROTTLED
from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

PAGE = "<html>Welcome!</html>"
THING = "0123456789" * 10


@dataclass(slots=True)
class Server:
    """Keeps what is put, and gives it back; `done` are the methods of what it did."""

    done: list[str] = field(default_factory=list[str])
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        if request.path.endswith("/held"):
            await self.hold.wait()
        self.done.append(request.method)
        match request.method:
            case "PUT":
                return web.Response(status=201)
            case "DELETE":
                return web.Response(status=204)
            case "POST":
                return web.Response(status=409, text="It exists.")
            case _:
                return web.Response(text=THING, headers={"ETag": "1"})


@asynccontextmanager
async def weather_before_a_server() -> AsyncGenerator[
    tuple[HttpWeather, httpx.AsyncClient, Server]
]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.serve)
    async with (
        web_server(app) as url,
        http_weather(f"{url}/base") as proxy,
        httpx.AsyncClient(trust_env=False, base_url=proxy.url) as client,
    ):
        yield proxy, client, server


async def test_a_path_of_the_target_belongs_to_the_url() -> None:
    async with weather_before_a_server() as (proxy, client, _):
        assert proxy.url == f"http://127.0.0.1:{proxy.port}/base"
        assert (await client.get("/x")).text == THING
        assert (proxy.requests, proxy.struck) == (1, 0)


async def test_nobody_listens_while_the_service_is_down_and_the_port_comes_back() -> None:
    async with weather_before_a_server() as (proxy, client, server):
        port = proxy.port
        for _ in range(3):
            assert (await client.get("/x")).text == THING
            proxy.weather = Weather.DOWN
            with pytest.raises(httpx.TransportError):  # its connection is cut
                await client.get("/x")
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            proxy.weather = Weather.WELL
        assert (await client.get("/x")).text == THING
        assert proxy.port == port
        assert len(server.done) == 4


async def test_what_is_under_way_when_the_service_goes_down_is_cut() -> None:
    async with weather_before_a_server() as (proxy, client, _):
        held = asyncio.create_task(client.get("/held"))
        while not proxy.requests:
            await asyncio.sleep(0.01)
        proxy.weather = Weather.DOWN
        with pytest.raises(httpx.TransportError):
            await held
        assert proxy.struck == 1


async def test_weather_that_changes_back_at_once_is_the_last_that_was_set() -> None:
    async with weather_before_a_server() as (proxy, client, _):
        for weather in (Weather.DOWN, Weather.WELL, Weather.DOWN, Weather.WELL, Weather.DOWN):
            proxy.weather = weather
        with pytest.raises(httpx.ConnectError):
            await client.get("/x")
        proxy.weather = Weather.WELL
        assert (await client.get("/x")).text == THING


async def test_a_slow_service_does_it_at_once_and_answers_late_but_right() -> None:
    async with weather_before_a_server() as (proxy, client, server):
        proxy.weather, proxy.late_s = Weather.SLOW, 0.3
        loop = asyncio.get_running_loop()
        began = loop.time()
        asked = [asyncio.create_task(client.get("/x")) for _ in range(5)]
        await asyncio.sleep(0.2)
        assert len(server.done) == 5
        assert {(await each).text for each in asked} == {THING}
        assert loop.time() - began >= 0.3
        assert proxy.struck == 5


async def test_a_throttling_service_says_when_to_come_back_and_does_nothing() -> None:
    async with weather_before_a_server() as (proxy, client, server):
        proxy.weather = Weather.THROTTLING
        answer = await client.put("/x", content=b"x" * 1_000_000)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert (server.done, proxy.struck) == ([], 1)


async def test_a_service_may_have_a_word_of_its_own_for_throttling() -> None:
    async with http_weather("http://127.0.0.1:9", throttled=STORAGE_THROTTLED) as proxy:
        proxy.weather = Weather.THROTTLING
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(proxy.url)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "ServerBusy"


@pytest.mark.parametrize("weather", [Weather.THROTTLING, Weather.WRONG])
async def test_who_waits_for_100_continue_is_refused_without_it(weather: Weather) -> None:
    async with weather_before_a_server() as (proxy, _, server):
        proxy.weather = weather
        async with asyncio.timeout(60), connected(proxy.port) as client:
            fields = b"Host: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
            await client.send(b"PUT / HTTP/1.1\r\n" + fields)
            answer = await client.reader.readuntil(b"\r\n\r\n")
    assert answer.split()[1] in {b"429", b"500"}
    assert b"Connection: close" in answer
    assert server.done == []


async def test_wrong_answers_are_an_error_not_done_and_a_yes_that_says_nothing_in_turn() -> None:
    async with weather_before_a_server() as (proxy, client, server):
        proxy.weather = Weather.WRONG
        answers = [await client.request(method, "/x") for method in ("GET", "GET", "PUT", "PUT")]
        assert [answer.status_code for answer in answers] == [500, 200, 500, 201]
        assert {answer.text for answer in answers} == {PAGE}
        assert {answer.headers["Content-Type"].partition(";")[0] for answer in answers} == {
            "text/html"
        }
        assert not any("ETag" in answer.headers for answer in answers)
        assert server.done == ["GET", "PUT"]
        assert proxy.struck == 4


async def test_a_wrong_answer_never_says_yes_where_the_service_says_no() -> None:
    async with weather_before_a_server() as (proxy, client, server):
        proxy.weather = Weather.WRONG
        answers = [await client.post("/x") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [500, 500]
        assert server.done == ["POST"]


async def test_a_wrong_answer_to_what_has_none_has_a_body() -> None:
    async with weather_before_a_server() as (proxy, client, _):
        proxy.weather = Weather.WRONG
        answers = [await client.delete("/x") for _ in range(2)]
        assert [(answer.status_code, answer.text) for answer in answers] == [
            (500, PAGE),
            (200, PAGE),
        ]


async def test_what_is_cut_was_done_and_its_answer_is_never_whole() -> None:
    async with weather_before_a_server() as (proxy, client, server):
        proxy.weather = Weather.CUT
        methods = ["GET", "GET", "PUT", "DELETE", "HEAD", "GET"]
        received = list[str]()
        for method in methods:
            with pytest.raises(httpx.TransportError):  # noqa: PT012
                async with client.stream(method, "/x") as answer:
                    received.append(method)
                    await answer.aread()
        assert server.done == methods
        assert received == ["GET"]  # the head and half the body of every other that has a body
        assert proxy.struck == 6


async def test_a_proxy_with_a_certificate_speaks_https_before_any_server(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "localhost")
    tls = certificate.client_context()
    async with (
        weather_before_a_server() as (plain, _, _),
        http_weather(plain.url, certificate=certificate) as inner,
        http_weather(inner.url, certificate=certificate, target_ssl=tls) as proxy,
        httpx.AsyncClient(trust_env=False, verify=tls) as client,
    ):
        assert proxy.url == f"https://localhost:{proxy.port}/base"
        assert (await client.get(proxy.url)).text == THING
        proxy.weather = Weather.CUT
        with pytest.raises(httpx.TransportError):
            await client.get(proxy.url)
        proxy.weather = Weather.DOWN
        with pytest.raises(httpx.ConnectError):
            await client.get(proxy.url)
