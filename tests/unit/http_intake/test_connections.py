"""Clients that hang up, stall, trickle or send too much; and connections that bring nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from http_intake import protocol
from http_intake.doors import HttpSettings
from http_intake.serving import ServerSettings
from shared.connection_limit import read_networks
from tests.support.http_door import JPEG, KEYS, MAIL, Door, open_door
from tests.support.local_http import NO_TLS
from tests.support.raw_http import (
    FORM_END,
    FORM_TYPE,
    RawConnection,
    connected,
    form_part,
    head,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

FORM_HEAD = head("POST", "/v1/submissions", Content_Type=FORM_TYPE, Content_Length="1000000")
MAIL_HEAD = head("POST", "/v1/emails", Content_Type="message/rfc822", Transfer_Encoding="chunked")
BIG = form_part("a", JPEG + bytes(400_000), "a.jpg")


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what happens on the server's side after the client has gone."""
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.02)


async def nothing_is_left(door: Door) -> bool:
    incoming = door.services.folder / "blobs" / ".incoming"
    half_written = [path for path in incoming.rglob("*") if path.is_file() and path.stat().st_size]
    return not await door.blobs() and not half_written


async def test_a_client_that_hangs_up_in_a_form_leaves_nothing(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        async with connected(door.port) as connection:
            await connection.send(FORM_HEAD + BIG + form_part("b", JPEG, "b.jpg"))

            async def first_file_is_stored() -> bool:
                return len(await door.blobs()) >= 1

            await until(first_file_is_stored)
            connection.reset()
        await until(lambda: nothing_is_left(door))
        assert await door.services.queue.depth() == 0


async def test_a_client_that_hangs_up_in_a_mail_leaves_nothing(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        async with connected(door.port) as connection:
            await connection.send(MAIL_HEAD + chunk(MAIL) + chunk(bytes(600_000)))
            await asyncio.sleep(0.2)
            connection.reset()
        await until(lambda: nothing_is_left(door))


async def test_a_body_that_stalls_ends_in_408(tmp_path: Path) -> None:
    async with open_door(tmp_path, HttpSettings(read_timeout_s=0.2)) as door:
        async with connected(door.port) as connection:
            await connection.send(FORM_HEAD + BIG)
            answer = await connection.answer()
        assert answer.status == 408
        assert answer.json()["type"] == "/problems/too-slow"
        assert answer.headers["connection"] == "close"
        assert await nothing_is_left(door)


async def test_a_body_that_trickles_ends_in_408(tmp_path: Path) -> None:
    settings = HttpSettings(read_timeout_s=0.3, min_bytes_per_s=1000)
    async with open_door(tmp_path, settings) as door, connected(door.port) as connection:
        await connection.send(MAIL_HEAD)

        async def trickle() -> None:
            while True:
                await connection.send(chunk(b"a"))
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        answer = await connection.answer()
        trickling.cancel()
        assert answer.status == 408


async def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(
    tmp_path: Path,
) -> None:
    settings = HttpSettings(max_submission_bytes=500_000)
    async with open_door(tmp_path, settings) as door, connected(door.port) as connection:
        await connection.send(FORM_HEAD.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        answer = await connection.answer()
        assert answer.status == 413  # and no 100 Continue before it
        assert answer.json()["limit_bytes"] == 500_000


async def test_a_client_that_sends_all_before_it_looks_still_gets_the_refusal(
    tmp_path: Path,
) -> None:
    async with open_door(tmp_path, HttpSettings(max_message_bytes=100_000)) as door:
        async with connected(door.port) as connection:
            await connection.send(MAIL_HEAD + chunk(MAIL))
            for _ in range(200):
                await connection.send(chunk(bytes(100_000)))
            await connection.send(b"0\r\n\r\n")
            answer = await connection.answer()
        assert answer.status == 413
        assert answer.headers["connection"] == "close"
        assert await nothing_is_left(door)


async def test_a_refusal_without_a_body_keeps_the_connection(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        answer = await door.client.get("/elsewhere")
        assert "connection" not in answer.headers


async def test_a_client_that_waits_for_100_continue_is_told_to_go_on(tmp_path: Path) -> None:
    body = form_part("a", JPEG, "a.jpg") + FORM_END
    fields = {"Content_Type": FORM_TYPE, "Content_Length": str(len(body)), "Connection": "close"}
    async with open_door(tmp_path) as door, connected(door.port) as connection:
        await connection.send(head("POST", "/v1/submissions", Expect="100-continue", **fields))
        interim = await connection.reader.readuntil(b"\r\n\r\n")
        assert interim.startswith(b"HTTP/1.1 100 ")
        await connection.send(body)
        assert (await connection.answer()).status == 202


async def test_bytes_that_are_no_http_are_refused_as_a_problem(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door, connected(door.port) as connection:
        await connection.send(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        answer = await connection.answer()
        assert answer.status == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/invalid-request"


async def test_a_body_with_two_lengths_is_refused_and_what_follows_is_no_request(
    tmp_path: Path,
) -> None:
    both = MAIL_HEAD.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n")
    second = head("GET", "/health/live")
    async with open_door(tmp_path) as door:
        async with connected(door.port) as connection:
            await connection.send(both + chunk(MAIL) + b"0\r\n\r\n" + second)
            answers = await connection.reader.read()
        assert answers.startswith(b"HTTP/1.1 400 ")
        assert b"connection: close" in answers
        assert answers.count(b"HTTP/1.1 ") == 1
        assert await nothing_is_left(door)


async def test_chunks_in_http_1_0_are_refused(tmp_path: Path) -> None:
    old = MAIL_HEAD.replace(b"HTTP/1.1", b"HTTP/1.0")
    async with open_door(tmp_path) as door, connected(door.port) as connection:
        await connection.send(old + chunk(MAIL) + b"0\r\n\r\n")
        assert (await connection.answer()).status == 400


async def test_a_broken_chunk_in_a_body_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        async with connected(door.port) as connection:
            await connection.send(MAIL_HEAD + chunk(MAIL) + b"no chunk size\r\n")
            assert (await connection.answer()).status == 400
        await until(lambda: nothing_is_left(door))


@pytest.mark.parametrize("keys", [{}, KEYS], ids=["taken", "refused"])
async def test_a_body_in_ever_so_many_tiny_chunks_is_cut_off(
    tmp_path: Path, keys: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)  # each chunk costs the event loop as much as a large one
    async with open_door(tmp_path, HttpSettings(keys=keys)) as door:
        async with connected(door.port) as connection:
            await connection.send(MAIL_HEAD + chunk(MAIL))
            with contextlib.suppress(ConnectionError):  # it hears of it by a reset
                await connection.send(chunk(b"x") * 100_000)
                answer = await asyncio.wait_for(connection.answer(), 60)
                assert answer.status in {400, 401}  # whichever is known first
        await until(lambda: nothing_is_left(door))
    assert set(actions(caplog)) == {"request_refused"}


async def test_a_body_in_chunks_of_a_line_is_taken(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door, connected(door.port) as connection:
        await connection.send(MAIL_HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await connection.send(chunk(MAIL) + chunk(b"A line of an ordinary text mail.\r\n") * 9000)
        await connection.send(b"0\r\n\r\n")
        assert (await connection.answer()).status == 202


async def test_a_broken_chunk_after_the_answer_ends_the_connection_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = HttpSettings(keys=KEYS)
    async with open_door(tmp_path, settings) as door, connected(door.port) as connection:
        await connection.send(MAIL_HEAD + chunk(MAIL))
        assert b" 401 " in await connection.reader.readuntil(b"}")
        await connection.send(b"no chunk size\r\n")
        assert await asyncio.wait_for(connection.reader.read(), 60) == b""
    assert actions(caplog) == ["request_refused"]


async def test_connections_that_bring_no_whole_request_are_closed(tmp_path: Path) -> None:
    server = ServerSettings(port=0, keep_alive_s=1)
    async with (
        open_door(tmp_path, server=server) as door,
        connected(door.port) as silent,
        connected(door.port) as half,
        connected(door.port) as idle,
    ):
        await half.send(b"GET /health/live HTTP/1.1\r\nHost: ")
        await idle.send(head("GET", "/health/live"))
        async with asyncio.timeout(60):
            assert await silent.reader.read() == b""
            assert await half.reader.read() == b""
            assert b"200 OK" in await idle.reader.read()


async def test_more_connections_than_allowed_are_turned_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = ServerSettings(port=0, max_connections=2)
    async with (
        open_door(tmp_path, server=server) as door,
        connected(door.port) as one,
        connected(door.port) as two,
    ):
        await under_way(door, one, two)
        with caplog.at_level(logging.INFO):
            answer = await door.client.get("/openapi.yaml")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.json()["type"] == "/problems/unavailable"
        assert actions(caplog) == ["request_refused"]


async def test_health_is_answered_whatever_else_is_under_way(tmp_path: Path) -> None:
    server = ServerSettings(port=0, max_connections=2)
    async with (
        open_door(tmp_path, server=server) as door,
        connected(door.port) as one,
        connected(door.port) as two,
    ):
        await under_way(door, one, two)
        for probe in ("/health/live", "/health/ready"):
            assert (await door.client.get(probe)).status_code == 200


async def test_sockets_that_keep_silent_shut_nobody_out(tmp_path: Path) -> None:
    server = ServerSettings(port=0, keep_alive_s=3600, max_connections=50)
    async with open_door(tmp_path, server=server) as door, contextlib.AsyncExitStack() as stack:
        for _ in range(70):
            await stack.enter_async_context(connected(door.port))
        await asyncio.sleep(1.1)  # the grace of a connection that has just been made
        files = {"file": ("a.jpg", JPEG)}
        assert (await door.client.post("/v1/submissions", files=files)).status_code == 202


async def test_sockets_beyond_the_reserve_are_closed(tmp_path: Path) -> None:
    server = ServerSettings(port=0, keep_alive_s=3600, max_connections=1)
    async with open_door(tmp_path, server=server) as door, contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connected(door.port)) for _ in range(80)]
        closed = [asyncio.create_task(each.reader.read()) for each in sockets]
        async with asyncio.timeout(60):
            await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)
        assert (await door.client.get("/health/live")).status_code == 200
        for task in closed:
            task.cancel()
        await asyncio.gather(*closed, return_exceptions=True)


async def test_a_peer_that_has_too_many_connections_leaves_those_of_others_alone(
    tmp_path: Path,
) -> None:
    server = ServerSettings(port=0, max_connections_per_peer=1)
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2", verify=NO_TLS)
    async with (
        open_door(tmp_path, server=server) as door,
        httpx.AsyncClient(base_url=door.url, transport=elsewhere) as other,
        connected(door.port) as one,
    ):
        await under_way(door, one)
        assert (await door.client.get("/openapi.yaml")).status_code == 503
        assert (await other.get("/openapi.yaml")).status_code == 200


async def test_a_trusted_proxy_brings_the_connections_of_many(tmp_path: Path) -> None:
    proxies = read_networks("PROXIES", ["127.0.0.0/8"])
    server = ServerSettings(port=0, max_connections_per_peer=1, trusted_proxies=proxies)
    async with open_door(tmp_path, server=server) as door, connected(door.port) as one:
        await under_way(door, one)
        assert (await door.client.get("/openapi.yaml")).status_code == 200


async def test_a_client_that_does_not_read_its_answers_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_UNREAD_S", 0.2)
    questions = head("GET", "/openapi.yaml") * 100
    async with open_door(tmp_path) as door:
        with socket.create_connection(("127.0.0.1", door.port)) as deaf:
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()

            async def ask() -> None:
                while True:
                    await loop.sock_sendall(deaf, questions)

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(ask(), 60)


async def under_way(door: Door, *connections: RawConnection) -> None:
    """Begin a submission on each connection, and see it begun."""
    for number, connection in enumerate(connections, start=1):
        await connection.send(FORM_HEAD + BIG + form_part("b", JPEG, "b.jpg"))

        async def is_stored(wanted: int = number) -> bool:
            return len(await door.blobs()) >= wanted

        await until(is_stored)


async def test_as_many_connections_as_allowed_are_served(tmp_path: Path) -> None:
    server = ServerSettings(port=0, max_connections=2)
    async with open_door(tmp_path, server=server) as door, connected(door.port):
        assert (await door.client.get("/health/live")).status_code == 200


BROKEN_REQUESTS = {
    "no HTTP": b"\x16\x03\x01\x02\x00\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "a broken field": b"GET / HTTP/1.1\r\nHost: a\r\nno name: x\r\n\r\n",
    "a broken chunk": MAIL_HEAD + chunk(MAIL) + b"no chunk size\r\n",
    "two lengths": MAIL_HEAD.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n") + b"0\r\n\r\n",
    "an upgrade": head("GET", "/elsewhere", Upgrade="websocket", Connection="upgrade, close"),
}
BROKEN_FORMS = {
    "no boundary": b"no boundary at all",
    "another boundary": b"--c\r\n",
    "no colon": b"--b\r\nno colon\r\n\r\n",
    "a zero": b"--b\r\nA\x00: x\r\n\r\n",
    "no line feed": b"--b\r\nA: x\r\r\n",
    "no last boundary": form_part("text", b"x"),
}


@pytest.mark.parametrize("request_", BROKEN_REQUESTS.values(), ids=BROKEN_REQUESTS)
async def test_of_a_broken_request_the_log_has_one_line_and_it_is_ours(
    tmp_path: Path, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with open_door(tmp_path) as door, connected(door.port) as connection:
            await connection.send(request_)
            assert (await connection.answer()).status in {400, 404}
    assert actions(caplog) == ["request_refused"]


@pytest.mark.parametrize("body", BROKEN_FORMS.values(), ids=BROKEN_FORMS)
async def test_of_a_broken_form_the_log_has_one_line_and_it_is_ours(
    tmp_path: Path, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Content-Type": FORM_TYPE}
    with caplog.at_level(logging.INFO):
        async with open_door(tmp_path) as door:
            answer = await door.client.post("/v1/submissions", content=body, headers=headers)
    assert answer.status_code == 400
    assert actions(caplog) == ["request_refused"]


def actions(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The action of every line, save for those of the client in this process."""
    lines = [record for record in caplog.records if record.name.split(".")[0] != "httpx"]
    return [vars(line).get("action", f"none: {line.getMessage()}") for line in lines]
