"""The task hub of the tests: what the contract of engines does not say of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
import pytest
from durabletask import task
from durabletask.client import AsyncTaskHubGrpcClient, OrchestrationStatus
from durabletask.internal.orchestrator_service_pb2_grpc import (  # pyright: ignore[reportMissingTypeStubs]
    TaskHubSidecarServiceStub,
)

from shared.model import JsonObject
from tests.fakes.scheduler import server, service
from tests.fakes.scheduler.server import scheduler
from tests.support.engine import ended, raised
from tests.support.hub_worker import hub_engine, hub_worker
from tests.support.weather import Weather, tcp_weather

if TYPE_CHECKING:
    from tests.fakes.scheduler.server import Scheduler

type Steps = Generator[task.Task[Any], Any, JsonObject]

REUSE_NOTHING = pb.OrchestrationIdReusePolicy()


def step(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    return (yield ctx.call_activity("act", input=payload))


def wait(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    event: task.Task[Any] = ctx.wait_for_external_event("Go")
    timer: task.Task[Any] = ctx.create_timer(timedelta(seconds=payload["patience_s"]))
    return {"winner": "timer" if (yield task.when_any([event, timer])) is timer else "event"}


def parent(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    return (yield ctx.call_sub_orchestrator("wait", input=payload, instance_id="child"))


def again(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Wait for Go, or for the time; after the first Go begin anew with more patience."""
    timer: task.Task[Any] = ctx.create_timer(timedelta(seconds=payload["patience_s"]))
    event: task.Task[Any] = ctx.wait_for_external_event("Go")
    if (yield task.when_any([timer, event])) is event:
        ctx.continue_as_new({"patience_s": 0.9}, save_events=True)
    return {}


def fail(_ctx: task.OrchestrationContext, _payload: JsonObject) -> JsonObject:
    raise ValueError("no")


async def act(payload: JsonObject) -> JsonObject:
    return payload


def working(hub: Scheduler) -> Any:
    return hub_worker(hub.endpoint, [step, wait, parent, again, fail], {"act": act})


@asynccontextmanager
async def calls(endpoint: str) -> AsyncGenerator[Any]:
    """The bare calls of the hub."""
    async with grpc.aio.insecure_channel(endpoint.removeprefix("http://")) as channel:
        yield TaskHubSidecarServiceStub(channel)


def client_of(hub: Scheduler) -> AsyncTaskHubGrpcClient:
    return AsyncTaskHubGrpcClient(host_address=hub.endpoint)


# Waiting


async def test_a_sub_orchestration_may_take_an_hour() -> None:
    async with scheduler(pace=3600) as hub, working(hub), hub_engine(hub.endpoint) as engine:
        await engine.start("parent", instance_id="a", payload={"patience_s": 3600})
        assert (await ended(engine, "a")).output == {"winner": "timer"}


async def test_no_wait_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    """What outlives the hub cannot be limited by anything in it."""
    async with scheduler(tmp_path / "hub.db") as hub, working(hub), hub_engine(hub.endpoint) as was:
        await was.start("parent", instance_id="a", payload={"patience_s": 3600})
        await was.start("wait", instance_id="b", payload={"patience_s": 2})
        await raised(was, "child", "Other", {})
    async with scheduler(tmp_path / "hub.db") as hub, working(hub), hub_engine(hub.endpoint) as now:
        assert await now.raise_event("child", name="Go", payload={})
        assert (await ended(now, "a")).output == {"winner": "event"}
        assert (await ended(now, "b")).output == {"winner": "timer"}


async def test_a_timer_of_a_purged_instance_does_not_fire_in_the_next_one_of_its_id() -> None:
    async with scheduler() as hub, working(hub), hub_engine(hub.endpoint) as engine:
        await engine.start("wait", instance_id="a", payload={"patience_s": 0.5})
        await engine.raise_event("a", name="Go", payload={})
        await ended(engine, "a")
        await engine.purge("a")
        began = time.monotonic()
        await engine.start("wait", instance_id="a", payload={"patience_s": 0.9})
        assert (await ended(engine, "a")).output == {"winner": "timer"}
        assert time.monotonic() - began >= 0.9


async def test_an_execution_that_begins_anew_keeps_its_events_and_none_of_its_timers() -> None:
    async with scheduler() as hub, working(hub), hub_engine(hub.endpoint) as engine:
        began = time.monotonic()
        await engine.start("again", instance_id="a", payload={"patience_s": 0.5})
        await engine.raise_event("a", name="Go", payload={})
        await ended(engine, "a")
        assert time.monotonic() - began >= 0.9


# Work items


async def taken(stream: Any) -> pb.WorkItem:
    async with asyncio.timeout(60):
        return await stream.read()


async def nothing_comes(stream: Any) -> bool:
    done, _ = await asyncio.wait([asyncio.ensure_future(stream.read())], timeout=0.3)
    return not done


def started(name: str) -> pb.CreateInstanceRequest:
    return pb.CreateInstanceRequest(instanceId=name, name="step", input={"value": "{}"})


def scheduled(item: pb.WorkItem) -> pb.OrchestratorResponse:
    """The answer of an orchestrator that asks for an activity."""
    action = pb.OrchestratorAction(id=1, scheduleTask=pb.ScheduleTaskAction(name="act"))
    return pb.OrchestratorResponse(
        instanceId=item.orchestratorRequest.instanceId,
        completionToken=item.completionToken,
        actions=[action],
    )


def result(item: pb.WorkItem) -> pb.ActivityResponse:
    return pb.ActivityResponse(
        instanceId=item.activityRequest.orchestrationInstance.instanceId,
        taskId=item.activityRequest.taskId,
        result={"value": "{}"},
        completionToken=item.completionToken,
    )


BOTH = pb.GetWorkItemsRequest(
    maxConcurrentOrchestrationWorkItems=9, maxConcurrentActivityWorkItems=9
)


async def test_an_item_comes_back_when_its_stream_ends_and_the_first_result_counts() -> None:
    async with scheduler() as hub, calls(hub.endpoint) as call:
        first = call.GetWorkItems(BOTH)
        await call.StartInstance(started("a"))
        await call.CompleteOrchestratorTask(scheduled(await taken(first)))
        lost = await taken(first)
        first.cancel()
        second = call.GetWorkItems(BOTH)
        found = await taken(second)
        assert found.activityRequest == lost.activityRequest
        await call.CompleteActivityTask(result(lost))
        with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
            await call.CompleteActivityTask(result(found))
        heard = (await taken(second)).orchestratorRequest.newEvents
        assert [event.WhichOneof("eventType") for event in heard] == [
            "orchestratorStarted",
            "taskCompleted",
        ]
        assert await nothing_comes(second)


async def test_an_item_comes_back_from_a_worker_that_is_gone_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soon = dict.fromkeys(("grpc.keepalive_time_ms", "grpc.http2.ping_timeout_ms"), 300)
    monkeypatch.setattr(server, "OPTIONS", tuple({**dict(server.OPTIONS), **soon}.items()))
    async with (
        scheduler() as hub,
        tcp_weather("127.0.0.1", int(hub.endpoint.rpartition(":")[2])) as way,
        calls(f"http://127.0.0.1:{way.port}") as far,
        calls(hub.endpoint) as near,
    ):
        await near.StartInstance(started("a"))
        lost = await taken(far.GetWorkItems(BOTH))
        way.late_s, way.weather = 3600, Weather.SLOW
        found = await taken(near.GetWorkItems(BOTH))
        assert found.orchestratorRequest.instanceId == lost.orchestratorRequest.instanceId


async def test_a_turn_that_another_worker_has_ended_is_refused() -> None:
    async with scheduler() as hub, calls(hub.endpoint) as call:
        first = call.GetWorkItems(BOTH)
        await call.StartInstance(started("a"))
        lost = await taken(first)
        first.cancel()
        second = call.GetWorkItems(BOTH)
        await call.CompleteOrchestratorTask(scheduled(await taken(second)))
        with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
            await call.CompleteOrchestratorTask(scheduled(lost))
        assert (await taken(second)).activityRequest.name == "act"
        assert await nothing_comes(second)


async def test_an_item_stays_with_its_worker_while_the_stream_lasts() -> None:
    async with scheduler() as hub, calls(hub.endpoint) as call:
        first, second = call.GetWorkItems(BOTH), call.GetWorkItems(BOTH)
        reads = [asyncio.ensure_future(stream.read()) for stream in (first, second)]
        await asyncio.sleep(0.2)
        await call.StartInstance(started("a"))
        done, waiting = await asyncio.wait(reads, timeout=0.5)
        assert (len(done), len(waiting)) == (1, 1)


async def test_an_abandoned_item_comes_again() -> None:
    async with scheduler() as hub, calls(hub.endpoint) as call:
        stream = call.GetWorkItems(BOTH)
        await call.StartInstance(started("a"))
        turn = await taken(stream)
        token = {"completionToken": turn.completionToken}
        await call.AbandonTaskOrchestratorWorkItem(pb.AbandonOrchestrationTaskRequest(**token))
        await call.CompleteOrchestratorTask(scheduled(await taken(stream)))
        run = await taken(stream)
        token = {"completionToken": run.completionToken}
        await call.AbandonTaskActivityWorkItem(pb.AbandonActivityTaskRequest(**token))
        assert (await taken(stream)).activityRequest == run.activityRequest


async def test_a_hub_that_was_restarted_refuses_what_was_begun_and_hands_it_out_again(
    tmp_path: Path,
) -> None:
    async with scheduler(tmp_path / "hub.db") as hub, calls(hub.endpoint) as call:
        stream = call.GetWorkItems(BOTH)
        await call.StartInstance(started("a"))
        await call.CompleteOrchestratorTask(scheduled(await taken(stream)))
        lost = await taken(stream)
    async with scheduler(tmp_path / "hub.db") as hub, calls(hub.endpoint) as call:
        with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
            await call.CompleteActivityTask(result(lost))
        found = await taken(call.GetWorkItems(BOTH))
        assert found.activityRequest == lost.activityRequest


async def test_a_worker_gets_no_more_at_once_than_it_wants() -> None:
    few = pb.GetWorkItemsRequest(
        maxConcurrentOrchestrationWorkItems=2, maxConcurrentActivityWorkItems=1
    )
    async with scheduler() as hub, calls(hub.endpoint) as call:
        for number in range(3):
            await call.StartInstance(started(f"a{number}"))
        stream = call.GetWorkItems(few)
        turns = [await taken(stream), await taken(stream)]
        third = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0.2)
        assert not third.done()
        await call.CompleteOrchestratorTask(scheduled(turns[0]))
        kinds = {(await third).WhichOneof("request"), (await taken(stream)).WhichOneof("request")}
        assert kinds == {"orchestratorRequest", "activityRequest"}


async def test_a_worker_without_work_hears_that_the_hub_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "_PING_AFTER_S", 0.05)
    async with scheduler() as hub, calls(hub.endpoint) as call:
        assert (await taken(call.GetWorkItems(BOTH))).HasField("healthPing")


# What clients ask


async def test_an_id_is_used_again_by_its_policy_only_and_without_one_when_it_has_ended() -> None:
    async with scheduler() as hub, working(hub), client_of(hub) as client:

        async def start(policy: pb.OrchestrationIdReusePolicy | None) -> None:
            await client.schedule_new_orchestration(
                "wait", input={"patience_s": 0}, instance_id="a", reuse_id_policy=policy
            )
            await client.wait_for_orchestration_completion("a", timeout=10)

        await start(REUSE_NOTHING)
        for statuses in ([], [pb.ORCHESTRATION_STATUS_FAILED]):
            with pytest.raises(grpc.aio.AioRpcError, match="ALREADY_EXISTS"):
                await start(pb.OrchestrationIdReusePolicy(replaceableStatus=statuses))
        await start(None)
        await start(
            pb.OrchestrationIdReusePolicy(replaceableStatus=[pb.ORCHESTRATION_STATUS_COMPLETED])
        )


async def test_an_instance_that_lives_is_never_replaced() -> None:
    async with scheduler() as hub, calls(hub.endpoint) as call:
        await call.StartInstance(started("a"))
        with pytest.raises(grpc.aio.AioRpcError, match="ALREADY_EXISTS"):
            await call.StartInstance(started("a"))


async def test_lists_come_in_pages_that_leave_nothing_out() -> None:
    async with scheduler() as hub, working(hub), client_of(hub) as client:
        names = [f"a{number}" for number in range(230)]
        for name in names:
            await client.schedule_new_orchestration("fail", input={}, instance_id=name)
        for name in names:
            await client.wait_for_orchestration_completion(name, timeout=20)
        async with hub_engine(hub.endpoint) as engine:
            failed = await engine.failed(1000)
    assert sorted(each.instance_id for each in failed) == sorted(names)


async def test_ending_an_instance_ends_its_sub_orchestrations() -> None:
    async with scheduler() as hub, working(hub), hub_engine(hub.endpoint) as engine:
        await engine.start("parent", instance_id="a", payload={"patience_s": 3600})
        await raised(engine, "child", "Other", {})
        async with client_of(hub) as client:
            await client.terminate_orchestration("a", output="enough", recursive=True)
        assert (await ended(engine, "a")).state == "terminated"
        assert (await ended(engine, "child")).state == "terminated"


async def test_a_suspended_instance_hears_events_when_it_is_resumed() -> None:
    async with scheduler() as hub, working(hub), client_of(hub) as client:
        await client.schedule_new_orchestration("wait", input={"patience_s": 9}, instance_id="a")
        await client.suspend_orchestration("a")
        async with asyncio.timeout(60):
            while await _status(client) is not OrchestrationStatus.SUSPENDED:
                await asyncio.sleep(0.01)
        await client.raise_orchestration_event("a", "Go")
        await asyncio.sleep(0.2)
        assert await _status(client) is OrchestrationStatus.SUSPENDED
        await client.resume_orchestration("a")
        state = await client.wait_for_orchestration_completion("a", timeout=10)
        assert state
        assert state.serialized_output == '{"winner": "event"}'


async def _status(client: AsyncTaskHubGrpcClient) -> OrchestrationStatus:
    state = await client.get_orchestration_state("a")
    assert state
    return state.runtime_status


# Weather


async def test_in_bad_weather_every_call_is_refused_and_some_are_done_all_the_same() -> None:
    async with scheduler() as hub, calls(hub.endpoint) as call:
        hub.weather.weather = Weather.THROTTLING
        for name in ("a", "b"):
            with pytest.raises(grpc.aio.AioRpcError, match="RESOURCE_EXHAUSTED"):
                await call.StartInstance(started(name))
        with pytest.raises(grpc.aio.AioRpcError, match="RESOURCE_EXHAUSTED"):
            await taken(call.GetWorkItems(BOTH))
        hub.weather.weather = Weather.WRONG
        with pytest.raises(grpc.aio.AioRpcError, match="INTERNAL"):
            await call.StartInstance(started("c"))
        with pytest.raises(grpc.aio.AioRpcError, match="UNKNOWN"):
            await call.StartInstance(started("d"))
        hub.weather.weather = Weather.WELL
        asked = [pb.GetInstanceRequest(instanceId=name) for name in "abcd"]
        there = [(await call.GetInstance(each)).exists for each in asked]
        assert there == [False, False, False, True]
        assert hub.weather.struck == 5


async def test_weather_on_the_way_is_not_made_by_the_hub() -> None:
    async with scheduler() as hub:
        with pytest.raises(ValueError, match="proxy"):
            hub.weather.weather = Weather.CUT
