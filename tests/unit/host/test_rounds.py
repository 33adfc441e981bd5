"""Regular work goes on, whatever becomes of one round."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest
from azure.core.exceptions import HttpResponseError

from host.rounds import repeatedly
from shared.errors import ServiceUnavailableError

NO_ROLE = HttpResponseError("(AuthorizationFailed) The client has no role.")


@pytest.mark.parametrize(
    ("fault", "level"),
    [(ServiceUnavailableError("index"), logging.WARNING), (NO_ROLE, logging.ERROR)],
)
async def test_a_round_that_fails_is_logged_and_tried_again(
    caplog: pytest.LogCaptureFixture, fault: Exception, level: int
) -> None:
    faults, done = [fault, fault], asyncio.Event()

    async def work() -> None:
        if faults:
            raise faults.pop()
        done.set()

    rounds = asyncio.create_task(repeatedly(work, every_s=0.01))
    async with asyncio.timeout(60):
        await done.wait()
    rounds.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await rounds

    assert rounds.cancelled()
    assert [(line.levelno, vars(line)["action"]) for line in caplog.records] == [
        (level, "round_failed")
    ] * 2
    assert bool(caplog.records[0].exc_info) is (level == logging.ERROR)  # ours says what to do
