"""Ports that are opened when they are first used, and closed if they were."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

import pytest

from host.lazy import close_opened, lazily, open_now
from shared.errors import ServiceUnavailableError, SettingsError


class Port:
    opened = 0

    def __init__(self) -> None:
        Port.opened += 1

    async def put(self, value: int) -> int:
        return value + 1


async def test_a_port_is_opened_once_and_not_before_it_is_used() -> None:
    Port.opened = 0
    port = lazily(Port)
    assert Port.opened == 0
    assert [await port.put(1), await port.put(2)] == [2, 3]
    assert Port.opened == 1


async def test_a_port_that_cannot_be_opened_is_tried_again_at_the_next_use() -> None:
    tries: list[int] = []

    def open_port() -> Port:
        tries.append(1)
        if len(tries) == 1:
            raise SettingsError("MAIL_INGEST_BLOB_URL", "it is not set.")
        return Port()

    port = lazily(open_port)
    with pytest.raises(SettingsError, match="it is not set"):
        await port.put(1)
    assert await port.put(1) == 2


def test_what_is_opened_beforehand_is_opened_once_and_says_then_what_is_wrong() -> None:
    def fail() -> Port:
        raise SettingsError("MAIL_INGEST_BLOB_URL", "it is not set.")

    Port.opened = 0
    port = lazily(Port)
    for _ in range(2):
        open_now(port, Port())
    assert Port.opened == 3, "the two that the test opened, and this one"
    with pytest.raises(SettingsError, match="it is not set"):
        open_now(port, lazily(fail))


class Closable:
    """Says in `log` that it was used and closed."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def use(self) -> None:
        self.log.append("used")

    async def close(self) -> None:
        self.log.append("closed")


class ClosesBadly(Closable):
    async def close(self) -> None:
        raise ServiceUnavailableError("queue")


class NeverCloses(Closable):
    async def close(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(0.3)  # even when it is told to stop


class ClosesInThread(Closable):
    def close(self) -> None:  # type: ignore[override]
        time.sleep(0.01)  # as a thread may
        self.log.append("closed")


async def test_what_was_used_is_closed_and_nothing_is_opened_for_that() -> None:
    log: list[str] = []
    used, in_thread, unused = (
        lazily(lambda: Closable(log)),
        lazily(lambda: ClosesInThread(log)),
        lazily(lambda: Closable(log)),
    )
    used.use()
    in_thread.use()
    await close_opened(used, in_thread, unused, object())
    assert log == ["used", "used", "closed", "closed"]


@pytest.mark.parametrize(
    ("kind", "error"), [(ClosesBadly, "ServiceUnavailableError"), (NeverCloses, "TimeoutError")]
)
async def test_what_does_not_close_is_logged_and_holds_up_nobody(
    kind: type[Closable], error: str, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []
    ports = [lazily(lambda: kind(log)), lazily(lambda: Closable(log))]
    for port in ports:
        port.use()
    with caplog.at_level(logging.WARNING):
        await close_opened(*ports, within_s=0.05)
    assert log == ["used", "used", "closed"]
    (line,) = caplog.records
    facts = vars(line)
    assert (facts["action"], facts["service"], facts["error"]) == (
        "close_failed",
        kind.__name__,
        error,
    )
