"""The client and the worker of containers while the task hub is ill."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from durabletask import task

from adapters.azure import scheduler as adapter
from shared.errors import ServiceUnavailableError
from shared.model import JsonObject
from shared.ports import InstanceState
from tests.fakes.scheduler.server import scheduler
from tests.support.engine import ended
from tests.support.hub_worker import hub_engine, hub_worker, insist
from tests.support.scheduler import SchedulerProcess
from tests.support.weather import Weather, tcp_weather

if TYPE_CHECKING:
    from tests.fakes.scheduler.server import Scheduler

type Steps = Generator[task.Task[Any], Any, JsonObject]


def step(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    return (yield ctx.call_activity("act", input=payload))


class Gate:
    """An activity that waits until it is let go."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.open = asyncio.Event()
        self.runs = 0

    async def act(self, payload: JsonObject) -> JsonObject:
        self.runs += 1
        self.arrived.set()
        await self.open.wait()
        return payload


@pytest.mark.parametrize("weather", [Weather.THROTTLING, Weather.WRONG])
async def test_a_result_that_the_hub_does_not_take_is_reported_again(weather: Weather) -> None:
    gate = Gate()
    async with (
        scheduler() as hub,
        hub_engine(hub.endpoint) as engine,
        hub_worker(hub.endpoint, [step], {"act": gate.act}),
    ):
        await engine.start("step", instance_id="a", payload={"n": 1})
        await gate.arrived.wait()
        hub.weather.weather = weather
        gate.open.set()
        while not hub.weather.struck:
            await asyncio.sleep(0.01)
        hub.weather.weather = Weather.WELL
        assert (await ended(engine, "a")).output == {"n": 1}
        assert gate.runs == 1


async def test_activities_that_wait_for_somebody_leave_orchestrators_their_turns() -> None:
    gate = Gate()
    async with (
        scheduler() as hub,
        hub_engine(hub.endpoint) as engine,
        hub_worker(hub.endpoint, [step, nothing], {"act": gate.act}),
    ):
        for n in range(100):
            await engine.start("step", instance_id=f"s{n}", payload={"n": n})
        async with asyncio.timeout(60):
            while gate.runs < 64:
                await asyncio.sleep(0.01)
        await engine.start("nothing", instance_id="a", payload={})
        assert (await ended(engine, "a")).state is InstanceState.COMPLETED
        gate.open.set()


def port_of(hub: Scheduler) -> int:
    return int(hub.endpoint.rpartition(":")[2])


def nothing(_ctx: task.OrchestrationContext, payload: JsonObject) -> JsonObject:
    return payload


async def test_a_worker_that_is_to_stop_finishes_and_reports_what_it_has_begun() -> None:
    gate = Gate()
    async with scheduler() as hub, hub_engine(hub.endpoint) as engine:
        async with hub_worker(hub.endpoint, [step], {"act": gate.act}):
            await engine.start("step", instance_id="a", payload={"n": 1})
            await gate.arrived.wait()
            asyncio.get_running_loop().call_later(1, gate.open.set)
        async with hub_worker(hub.endpoint, [step], {"act": gate.act}):
            assert (await ended(engine, "a")).output == {"n": 1}
            assert gate.runs == 1


async def test_an_activity_that_is_cut_off_by_a_stop_has_not_failed_and_runs_elsewhere() -> None:
    gate = Gate()
    async with scheduler() as hub, hub_engine(hub.endpoint) as engine:
        async with hub_worker(hub.endpoint, [step], {"act": gate.act}, stop_within_s=0.1):
            await engine.start("step", instance_id="a", payload={"n": 1})
            await gate.arrived.wait()
        gate.open.set()
        async with hub_worker(hub.endpoint, [step], {"act": gate.act}):
            assert (await ended(engine, "a")).output == {"n": 1}


async def test_a_worker_that_is_to_stop_does_so_also_when_the_hub_takes_no_results() -> None:
    gate = Gate()
    async with scheduler() as hub, hub_engine(hub.endpoint) as engine:
        async with hub_worker(hub.endpoint, [step], {"act": gate.act}, stop_within_s=1):
            await engine.start("step", instance_id="a", payload={"n": 1})
            await gate.arrived.wait()
            hub.weather.weather = Weather.THROTTLING
            gate.open.set()
            while not hub.weather.struck:
                await asyncio.sleep(0.01)
            begun = time.monotonic()
        assert time.monotonic() - begun < 60


async def test_client_and_worker_find_a_hub_again_that_went_away_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when a node is lost: the connection stands, and nothing comes on it any more."""
    monkeypatch.setattr(adapter, "_PING_AFTER_MS", 500)
    monkeypatch.setattr(adapter, "_PING_ANSWER_MS", 500)
    gate = Gate()
    gate.open.set()
    async with scheduler() as hub, tcp_weather("127.0.0.1", port_of(hub)) as way:
        endpoint = f"http://127.0.0.1:{way.port}"
        async with hub_engine(endpoint) as engine, hub_worker(endpoint, [step], {"act": gate.act}):
            await engine.start("step", instance_id="a", payload={})
            await ended(engine, "a")
            way.late_s, way.weather = 3600, Weather.SLOW
            async with asyncio.timeout(60):  # TCP itself would take a quarter of an hour
                with pytest.raises(ServiceUnavailableError):
                    await engine.instance("a")
                way.weather = Weather.WELL
                await insist(lambda: engine.start("step", instance_id="b", payload={}))
                assert (await ended(engine, "b")).state is InstanceState.COMPLETED


async def test_client_and_worker_go_on_when_the_hub_is_back(tmp_path: Path) -> None:
    gate = Gate()
    hub = SchedulerProcess(tmp_path)
    hub.start()
    try:
        async with (
            hub_engine(hub.endpoint) as engine,
            hub_worker(hub.endpoint, [step], {"act": gate.act}),
        ):
            await engine.start("step", instance_id="a", payload={"n": 1})
            await gate.arrived.wait()
            hub.kill()
            gate.open.set()
            with pytest.raises(ServiceUnavailableError):
                await engine.instance("a")
            await asyncio.sleep(2)
            hub.start()
            instance = await insist(lambda: ended(engine, "a", within_s=60))
            assert instance.output == {"n": 1}
    finally:
        hub.kill()


async def test_a_result_that_nobody_waits_for_any_more_is_no_error(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    gate = Gate()
    async with scheduler(tmp_path / "hub.db") as hub:
        async with hub_engine(hub.endpoint) as engine:
            await engine.start("step", instance_id="a", payload={})
        port = port_of(hub)
    async with hub_worker(f"http://127.0.0.1:{port}", [step], {"act": gate.act}):
        async with scheduler(tmp_path / "hub.db", port=port):
            await gate.arrived.wait()
        async with (
            scheduler(tmp_path / "hub.db", port=port) as hub,
            hub_engine(hub.endpoint) as engine,
        ):
            gate.open.set()
            assert (await ended(engine, "a", within_s=60)).state is InstanceState.COMPLETED
    actions = [getattr(record, "action", "") for record in caplog.records]
    assert "result_not_wanted" in actions
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_noise_in_place_of_answers_is_survived() -> None:
    gate = Gate()
    gate.open.set()
    async with scheduler() as hub, tcp_weather("127.0.0.1", port_of(hub)) as way:
        endpoint = f"http://127.0.0.1:{way.port}"
        async with hub_engine(endpoint) as engine, hub_worker(endpoint, [step], {"act": gate.act}):
            await engine.start("step", instance_id="a", payload={})
            await ended(engine, "a")
            way.weather = Weather.WRONG
            for _ in range(5):
                with pytest.raises(ServiceUnavailableError):
                    await engine.start("step", instance_id="b", payload={})
            way.weather = Weather.WELL
            await insist(lambda: engine.start("step", instance_id="b", payload={}))
            instance = await insist(lambda: ended(engine, "b", within_s=60))
            assert instance.state is InstanceState.COMPLETED
