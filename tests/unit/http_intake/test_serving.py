"""Binding, serving and stopping."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from http_intake.serving import ServerAddress, ServerSettings, serving
from shared.errors import SettingsError

if TYPE_CHECKING:
    from starlette.requests import Request


async def slow(_request: Request) -> Response:
    await asyncio.sleep(0.4)
    return PlainTextResponse("done")


APP = Starlette(routes=[Route("/slow", slow)])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_port_0_takes_a_free_port_and_tells_it(host: str) -> None:
    async with serving(APP, ServerSettings(host=host, port=0), has_keys=False) as address:
        assert address.port > 0
        async with httpx.AsyncClient(base_url=address.url) as client:
            assert (await client.get("/elsewhere")).status_code == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "intake.example.org"])
async def test_an_address_that_others_reach_needs_keys(host: str) -> None:
    with pytest.raises(SettingsError, match="MAIL_INGEST_KEYS"):
        async with serving(APP, ServerSettings(host=host, port=0), has_keys=False):
            pass


async def test_an_address_that_others_reach_needs_a_public_url() -> None:
    with pytest.raises(SettingsError, match="MAIL_INGEST_PUBLIC_URL: it is empty") as caught:
        async with serving(
            APP, ServerSettings(host="0.0.0.0", port=0), has_keys=True, has_name=False
        ):
            pass
    assert "such as https://intake.newsroom.example" in str(caught.value)


async def test_with_keys_every_address_of_the_machine_will_do() -> None:
    async with serving(APP, ServerSettings(host="0.0.0.0", port=0), has_keys=True) as address:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{address.port}/elsewhere")
        assert answer.status_code == 404


async def test_a_port_in_use_is_told_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = ServerSettings(port=taken.getsockname()[1])
        with pytest.raises(SettingsError, match="another program uses port") as caught:
            async with serving(APP, settings, has_keys=False):
                pass
    assert caught.value.setting == "MAIL_INGEST_HTTP_PORT"


async def test_an_address_that_the_machine_has_not_is_told_in_one_sentence() -> None:
    with pytest.raises(SettingsError, match="this machine has no address"):
        async with serving(APP, ServerSettings(host="192.0.2.1", port=0), has_keys=True):
            pass


async def test_a_request_under_way_is_finished_when_the_door_closes() -> None:
    async with httpx.AsyncClient() as client:
        async with serving(APP, ServerSettings(port=0), has_keys=False) as address:
            request = asyncio.create_task(client.get(f"{address.url}/slow"))
            await asyncio.sleep(0.15)
        assert request.done()
        assert (await request).text == "done"
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{address.url}/slow")


async def test_a_request_that_takes_too_long_does_not_hold_the_door_open() -> None:
    async with httpx.AsyncClient() as client:
        async with serving(APP, ServerSettings(port=0, stop_s=0), has_keys=False) as address:
            request = asyncio.create_task(client.get(f"{address.url}/slow"))
            await asyncio.sleep(0.1)
        assert (await request).status_code == 500


async def test_what_goes_wrong_inside_the_block_comes_out_of_it() -> None:
    with pytest.raises(ZeroDivisionError):
        async with serving(APP, ServerSettings(port=0), has_keys=False):
            raise ZeroDivisionError


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("::1", "http://[::1]:80")],
)
def test_an_address_is_written_as_a_url(host: str, url: str) -> None:
    assert ServerAddress(host=host, port=80).url == url
