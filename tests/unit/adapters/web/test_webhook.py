from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.clock import SystemClock
from adapters.web.address_guard import AddressGuard
from adapters.web.bounded_connection import MOST_HEAD_BYTES
from adapters.web.signing import Signer, new_secret
from adapters.web.webhook import WebhookSender
from shared.errors import SettingsError
from shared.ports import ReplyReceipt, ReplyState
from tests.support.certificates import Certificate, self_signed
from tests.support.clocks import ManualClock
from tests.support.dead_names import DeadNames

SECRET = new_secret()
BODY = b'{"submission_id":"http-abc"}'


@dataclass
class Receiver:
    """A web server of one answer, which keeps what it was sent."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    then_wait_s: float = 0.0
    endless: bool = False
    port: int = 0
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        raw = dict(line.split(": ", 1) for line in lines if line)
        headers["webhook-signature"] = raw.get("webhook-signature", "")
        body = await reader.readexactly(int(headers["content-length"]))
        self.paths.append(first)
        self.requests.append((headers, body))
        writer.write(self.answer)
        while self.endless:
            writer.write(b"x" * 65536)
            await writer.drain()
        await writer.drain()
        await asyncio.sleep(self.then_wait_s)


@asynccontextmanager
async def receiving(
    receiver: Receiver, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncGenerator[Receiver]:
    server = await asyncio.start_server(receiver.serve, host, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver
        server.close_clients()


def sender(
    *,
    addresses: Sequence[str] = ("127.0.0.1",),
    allowed: Sequence[str] = ("hooks.example",),
    tls: ssl.SSLContext | None = None,
    secrets: Sequence[str] = (SECRET,),
    timeout_s: float = 20.0,
) -> WebhookSender:
    guard = AddressGuard(allowed, resolve=lambda _host, _port: addresses)
    return WebhookSender(guard, Signer(secrets), clock=SystemClock(), tls=tls, timeout_s=timeout_s)


async def post(receiver: Receiver, **options: Any) -> ReplyReceipt:
    url = f"http://hooks.example:{receiver.port}/in?a=b"
    return await sender(**options).send(url, webhook_id="http-abc.r1", body=BODY)


async def test_a_webhook_is_verified_by_the_reference_library() -> None:
    async with receiving(Receiver()) as receiver:
        receipt = await post(receiver)
    assert (receipt.state, receipt.reason) == (ReplyState.SENT, "")
    ((headers, body),) = receiver.requests
    assert Webhook(SECRET).verify(body, headers) == json.loads(BODY)
    assert headers["webhook-id"] == "http-abc_r1"
    assert headers["content-type"] == "application/json"
    assert headers["host"] == f"hooks.example:{receiver.port}"
    assert receiver.paths == ["POST /in?a=b HTTP/1.1"]


async def test_each_of_several_secrets_verifies_while_one_replaces_the_other() -> None:
    old, new = new_secret(), new_secret()
    async with receiving(Receiver()) as receiver:
        await post(receiver, secrets=(new, old))
    ((headers, body),) = receiver.requests
    for secret in (old, new):
        Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("200 OK", ReplyState.SENT),
        ("202 Accepted", ReplyState.SENT),
        ("299 Odd", ReplyState.SENT),
        ("301 Moved Permanently", ReplyState.UNAVAILABLE),
        ("307 Temporary Redirect", ReplyState.UNAVAILABLE),
        ("400 Bad Request", ReplyState.UNAVAILABLE),
        ("401 Unauthorized", ReplyState.UNAVAILABLE),
        ("404 Not Found", ReplyState.UNAVAILABLE),
        ("408 Request Timeout", ReplyState.UNAVAILABLE),
        ("410 Gone", ReplyState.REFUSED),
        ("429 Too Many Requests", ReplyState.UNAVAILABLE),
        ("500 Internal Server Error", ReplyState.UNAVAILABLE),
        ("503 Service Unavailable", ReplyState.UNAVAILABLE),
    ],
)
async def test_only_gone_is_a_refusal_for_good(status: str, state: ReplyState) -> None:
    location = "Location: http://127.0.0.1:1/\r\n"
    answer = f"HTTP/1.1 {status}\r\n{location}Content-Length: 0\r\n\r\n".encode()
    async with receiving(Receiver(answer=answer)) as receiver:
        receipt = await post(receiver)
    assert receipt.state is state
    assert len(receiver.requests) == 1
    assert (status[:3] in receipt.reason) == (state is not ReplyState.SENT)


async def test_retry_after_is_handed_on() -> None:
    answer = b"HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
    async with receiving(Receiver(answer=answer)) as receiver:
        assert (await post(receiver)).retry_after_s == 7.0


async def test_an_endless_answer_is_cut_off_and_still_counts() -> None:
    receiver = Receiver(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    receiver.endless = True
    async with asyncio.timeout(60), receiving(receiver):
        assert (await post(receiver)).state is ReplyState.SENT


async def test_an_answer_whose_body_never_comes_still_counts() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
    async with receiving(Receiver(answer=answer, then_wait_s=5)) as receiver:
        assert (await post(receiver)).state is ReplyState.SENT


async def test_an_answer_whose_body_breaks_off_still_counts() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz"
    async with receiving(Receiver(answer=answer)) as receiver:
        assert (await post(receiver)).state is ReplyState.SENT


async def test_a_receiver_that_keeps_silent_is_given_up_in_time() -> None:
    async with receiving(Receiver(answer=b"HTTP/1.1 2", then_wait_s=5)) as receiver:
        receipt = await post(receiver, timeout_s=0.1)
    assert (receipt.state, receipt.reason) == (
        ReplyState.UNAVAILABLE,
        "The receiver did not answer in time.",
    )


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nBad\x00: y\r\n\r\n", b"h" * 200_000]
)
async def test_a_receiver_that_speaks_no_http_may_be_tried_again(answer: bytes) -> None:
    async with receiving(Receiver(answer=answer)) as receiver:
        assert (await post(receiver)).state is ReplyState.UNAVAILABLE


@dataclass
class Flooder(Receiver):
    """Answers with informational responses, and never with a final one."""

    sent: int = 0

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(b"HTTP/1.1 103 \r\n\r\n" * 500)
            await writer.drain()
            self.sent += 500


async def test_a_flood_of_informational_responses_is_cut_off() -> None:
    flooder = Flooder()
    async with asyncio.timeout(60), receiving(flooder):
        receipt = await post(flooder, timeout_s=3600)
    assert receipt.state is ReplyState.UNAVAILABLE
    assert "no end to its header fields" in receipt.reason


async def test_informational_responses_before_the_answer_are_taken() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + Receiver.answer
    async with receiving(Receiver(answer=answer)) as receiver:
        assert (await post(receiver)).state is ReplyState.SENT


async def test_the_event_loop_goes_on_between_informational_responses() -> None:
    flooder, turns = Flooder(), 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with receiving(flooder):
        counting = asyncio.create_task(count())
        await post(flooder, timeout_s=5)
        counting.cancel()
    assert turns > MOST_HEAD_BYTES / 4096


async def test_dead_names_of_one_client_do_not_make_an_attempt_of_another_fail() -> None:
    names = DeadNames()
    guard = AddressGuard(["hooks.example"], resolve=names.resolve)
    webhooks = WebhookSender(guard, Signer([SECRET]), clock=SystemClock(), timeout_s=5)
    async with receiving(Receiver()) as receiver:
        dead = [
            asyncio.create_task(
                webhooks.send(
                    f"https://h{n}.dead.example/", webhook_id="x", body=BODY, owner="evil"
                )
            )
            for n in range(20)
        ]
        while not names.asked:
            await asyncio.sleep(0.01)
        url = f"http://hooks.example:{receiver.port}/"
        receipt = await webhooks.send(url, webhook_id="y", body=BODY, owner="good")
        assert receipt.state is ReplyState.SENT
        assert names.answered == ["hooks.example"]
        for task in dead:
            task.cancel()
    names.release.set()


async def test_the_wait_for_a_look_up_does_not_count_as_the_time_of_the_call() -> None:
    def resolve(_host: str, _port: int) -> Sequence[str]:
        time.sleep(2.1)
        return ("127.0.0.1",)

    guard = AddressGuard(["hooks.example"], resolve=resolve)
    webhooks = WebhookSender(guard, Signer([SECRET]), clock=SystemClock(), timeout_s=2)
    async with receiving(Receiver()) as receiver:
        url = f"http://hooks.example:{receiver.port}/"
        receipt = await webhooks.send(url, webhook_id="x", body=BODY)
    assert receipt.state is ReplyState.SENT


async def test_a_receiver_that_is_not_there_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert (await post(Receiver(port=port))).state is ReplyState.UNAVAILABLE


async def test_the_next_address_is_called_when_one_is_not_there() -> None:
    async with receiving(Receiver()) as receiver:
        receipt = await post(receiver, addresses=("127.0.0.9", "::1", "127.0.0.1"))
    assert receipt.state is ReplyState.SENT


async def test_an_inner_address_is_refused_and_never_called() -> None:
    async with receiving(Receiver()) as receiver:
        url = f"https://evil.example:{receiver.port}/"
        receipt = await sender().send(url, webhook_id="x", body=BODY)
    assert receipt.state is ReplyState.REFUSED
    assert receiver.requests == []


async def test_a_name_that_changes_its_address_after_the_check_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiving(Receiver()) as receiver:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looks_up_addresses_only)
        assert (await post(receiver)).state is ReplyState.SENT


async def looks_up_addresses_only(
    host: str, port: int, **_: object
) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    assert host == "127.0.0.1", "the name was looked up a second time"
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return self_signed(tmp_path, "hooks.example")


async def test_the_certificate_must_name_the_host_and_not_the_address(
    certificate: Certificate,
) -> None:
    trust = ssl.create_default_context(cafile=certificate.path)
    both = sender(allowed=("hooks.example", "other.example"), tls=trust)
    async with receiving(Receiver(), certificate.server_context()) as receiver:
        good = await both.send(f"https://hooks.example:{receiver.port}/", webhook_id="x", body=BODY)
        bad = await both.send(f"https://other.example:{receiver.port}/", webhook_id="x", body=BODY)
    assert (good.state, bad.state) == (ReplyState.SENT, ReplyState.UNAVAILABLE)
    assert "certificate is not valid" in bad.reason
    assert len(receiver.requests) == 1


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    certificate: Certificate,
) -> None:
    async with receiving(Receiver(), certificate.server_context()) as receiver:
        url = f"https://hooks.example:{receiver.port}/"
        receipt = await sender().send(url, webhook_id="x", body=BODY)
    assert receipt.state is ReplyState.UNAVAILABLE
    assert receiver.requests == []


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with receiving(Receiver()) as receiver:
        assert (await post(receiver)).state is ReplyState.SENT


def test_the_signature_is_the_one_of_the_specification() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = Signer([secret]).headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secrets", [[], [""], ["plain"], ["whsec_short"], ["whsec_!!"], ["whsec_" + "A" * 200]]
)
def test_a_secret_that_is_none_is_refused_with_a_good_one_to_take(secrets: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"WEBHOOK_SECRETS.*whsec_") as caught:
        Signer(secrets)
    suggested = str(caught.value).split("such as ")[1].rstrip(".")
    Signer([suggested])


def test_the_clock_of_the_sender_is_in_the_timestamp() -> None:
    moment = int(ManualClock().now().timestamp())
    assert Signer([SECRET]).headers("x", moment, b"")["webhook-timestamp"] == str(moment)
