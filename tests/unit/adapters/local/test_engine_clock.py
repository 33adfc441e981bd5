"""The durable engine while somebody sets the machine's clock."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest
from durabletask import task
from durabletask.internal import helpers as ph
from durabletask.testing.in_memory_backend import OrchestrationInstance

from adapters.local.durable.backend import DurableBackend
from adapters.local.engine import LocalEngine
from adapters.local.steady_clock import SteadyClock
from shared.ports import InstanceState
from tests.support.clocks import MachineClock
from tests.support.engine import ended, local_engine

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from shared.model import JsonObject

    type Steps = Generator[task.Task[Any], Any, JsonObject]

ENGINE = (
    "durabletask.testing.in_memory_backend",
    *(f"adapters.local.durable.{name}" for name in ("backend", "corrected_backend", "hub")),
    "adapters.local.durable.engine_thread",
)
ANY_WAY = pytest.mark.parametrize("hours", [-24, -1, 24])
BACK = pytest.mark.parametrize("hours", [-24, -1])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MachineClock:
    return MachineClock(monkeypatch, ENGINE)


def wait(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Say whether the event came before the timer."""
    event = ctx.wait_for_external_event("Event")
    timer = ctx.create_timer(timedelta(seconds=payload["seconds"]))
    first = yield task.when_any([event, timer])
    return {"first": "event" if first is event else "timer"}


def retry(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    policy = task.RetryPolicy(first_retry_interval=timedelta(seconds=0.4), max_number_of_attempts=3)
    return (yield ctx.call_activity("flaky", input=payload, retry_policy=policy))


async def waiting(engine: LocalEngine, *, seconds: float) -> None:
    """Start an instance that waits, and let it begin to."""
    await engine.start("wait", instance_id="a", payload={"seconds": seconds})
    async with asyncio.timeout(60):
        while (found := await engine.instance("a")) is None or found.state != "running":
            await asyncio.sleep(0.01)


@ANY_WAY
async def test_a_timer_takes_as_long_as_it_was_made_for(
    tmp_path: Path, clock: MachineClock, hours: float
) -> None:
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await waiting(engine, seconds=0.6)
        begun = time.monotonic()
        clock.set_by(hours=hours)
        assert (await ended(engine, "a", within_s=60)).output == {"first": "timer"}
    assert time.monotonic() - begun > 0.3


@ANY_WAY
async def test_what_comes_in_time_is_in_time_although_the_clock_was_set(
    tmp_path: Path, clock: MachineClock, hours: float
) -> None:
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await waiting(engine, seconds=2160)
        clock.set_by(hours=hours)
        await engine.start("wait", instance_id="b", payload={"seconds": 0.1})
        assert (await ended(engine, "b", within_s=60)).output == {"first": "timer"}
        await engine.raise_event("a", name="Event", payload={})
        assert (await ended(engine, "a", within_s=60)).output == {"first": "event"}


@BACK
async def test_a_timer_takes_no_longer_when_the_clock_was_set_back_during_a_restart(
    tmp_path: Path, clock: MachineClock, hours: float
) -> None:
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await waiting(engine, seconds=0.8)
    clock.set_by(hours=hours)
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        assert (await ended(engine, "a", within_s=60)).output == {"first": "timer"}


async def test_a_timer_whose_time_has_passed_during_a_restart_fires_at_once(
    tmp_path: Path, clock: MachineClock
) -> None:
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await waiting(engine, seconds=2160)
    clock.set_by(hours=1)
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        assert (await ended(engine, "a", within_s=60)).output == {"first": "timer"}


@ANY_WAY
async def test_an_activity_is_tried_again_in_time(
    tmp_path: Path, clock: MachineClock, hours: float
) -> None:
    runs: list[JsonObject] = []

    async def flaky(payload: JsonObject) -> JsonObject:
        runs.append(payload)
        if len(runs) < 3:
            clock.set_by(hours=hours)
            raise OSError("not yet")
        return {"runs": len(runs)}

    async with local_engine(tmp_path / "e.db", [retry], {"flaky": flaky}) as engine:
        await engine.start("retry", instance_id="a", payload={})
        assert (await ended(engine, "a", within_s=60)).output == {"runs": 3}


@BACK
async def test_an_instance_begins_although_the_clock_was_set_back_before_its_first_turn(
    tmp_path: Path, clock: MachineClock, hours: float
) -> None:
    engine = LocalEngine.open(tmp_path / "e.db")
    engine.register([wait], {})
    await engine.start("wait", instance_id="a", payload={"seconds": 0.1})
    clock.set_by(hours=hours)
    engine.start_worker()
    assert (await ended(engine, "a", within_s=60)).state is InstanceState.COMPLETED
    await engine.stop()


@BACK
async def test_an_instance_begins_although_the_clock_was_set_back_during_a_restart(
    tmp_path: Path, clock: MachineClock, hours: float
) -> None:
    engine = LocalEngine.open(tmp_path / "e.db")
    await engine.start("wait", instance_id="a", payload={"seconds": 0.1})
    await engine.stop()
    clock.set_by(hours=hours)
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        assert (await ended(engine, "a", within_s=60)).state is InstanceState.COMPLETED


def test_a_timer_of_an_older_release_which_kept_no_length_fires_at_its_time() -> None:
    fire_at = datetime.now(UTC) + timedelta(seconds=100)
    created = ph.new_timer_created_event(1, fire_at)
    instance = OrchestrationInstance(
        instance_id="a", name="wait", status=pb.ORCHESTRATION_STATUS_RUNNING, history=[created]
    )
    backend = DurableBackend(max_history_events=1000)
    backend.adopt(instance, None)

    left = backend.until_next_timer()

    assert left is not None
    assert 99 < left.total_seconds() <= 100


def test_a_steady_clock_goes_on_at_the_pace_of_time() -> None:
    clock = SteadyClock()
    begun = clock.now()
    time.sleep(0.1)
    assert 0.1 <= (clock.now() - begun).total_seconds() < 60
    assert abs((begun - datetime.now(UTC)).total_seconds()) < 60
