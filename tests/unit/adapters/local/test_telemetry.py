"""Metrics in memory."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.local.telemetry import LocalTelemetry

if TYPE_CHECKING:
    import pytest


def test_counters_add_up_by_their_dimensions() -> None:
    telemetry = LocalTelemetry()
    telemetry.count("accepted")
    telemetry.count("accepted", 2)
    telemetry.count("replies", state="sent", channel="mail")

    assert telemetry.snapshot()["counters"] == {
        "accepted": 3,
        "replies{channel=mail,state=sent}": 1,
    }


def test_a_distribution_says_how_its_samples_lie() -> None:
    telemetry = LocalTelemetry()
    for value in range(100):
        telemetry.record("seconds", value)

    assert telemetry.snapshot()["distributions"] == {
        "seconds": {"count": 100, "mean": 49.5, "max": 99, "p50": 50, "p95": 95}
    }


def test_endless_dimensions_do_not_eat_the_memory() -> None:
    telemetry = LocalTelemetry()
    for number in range(5000):
        telemetry.count("requests", path=str(number))

    counters = telemetry.snapshot()["counters"]
    assert len(counters) == 1001
    assert counters["requests{other}"] == 4000


async def test_a_change_is_written_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = LocalTelemetry()
    with caplog.at_level(logging.INFO):
        task = asyncio.create_task(telemetry.run(timedelta(seconds=0.01)))
        await asyncio.sleep(0.05)
        telemetry.count("accepted")
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])

    assert [line.__dict__["counters"] for line in caplog.records] == [{"accepted": 1}]
