"""The flaws of durabletask's stock in-memory backend (1.12.0), each of which we correct.

Each docstring says what the stock backend does in the same place.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import threading
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest
from durabletask import task
from durabletask.entities import EntityInstanceId
from durabletask.testing import InMemoryOrchestrationBackend
from google.protobuf.timestamp_pb2 import Timestamp

from adapters.local.durable.backend import DurableBackend
from adapters.local.durable.turn_runner import TurnRunner
from adapters.local.engine import LocalEngine
from shared.errors import ServiceUnavailableError
from shared.model import JsonObject
from shared.ports import InstanceState
from tests.support.engine import ended, local_engine, raised

type Steps = Generator[task.Task[Any], Any, JsonObject]


def wait(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Wait for Go or for a time; then say which came."""
    event: task.Task[Any] = ctx.wait_for_external_event("Go")
    timer: task.Task[Any] = ctx.create_timer(timedelta(seconds=payload["patience_s"]))
    return {"winner": "timer" if (yield task.when_any([event, timer])) is timer else "event"}


def step(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Run one activity."""
    return (yield ctx.call_activity("act", input=payload))


def parent(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Run `wait` as a sub-orchestration."""
    return (yield ctx.call_sub_orchestrator("wait", input=payload, instance_id="child"))


async def test_a_sub_orchestration_over_30_s_does_not_hang_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stock: a thread waits for the child, 30 s and no longer; then the parent waits for ever. Here
    the 30 s are over at once.
    """

    def give_up(*_args: object, **_options: object) -> None:
        return None

    monkeypatch.setattr(InMemoryOrchestrationBackend, "_wait_for_state", give_up)
    async with local_engine(tmp_path / "e.db", [parent, wait]) as engine:
        await engine.start("parent", instance_id="a", payload={"patience_s": 0.05})
        assert (await ended(engine, "a")).output == {"winner": "timer"}


@pytest.mark.parametrize("error", [ValueError(), asyncio.CancelledError()], ids=repr)
async def test_an_activity_that_raises_without_a_message_has_failed(
    tmp_path: Path, error: BaseException
) -> None:
    """Stock: an empty message is taken for success, and the result is None."""

    async def act(_payload: JsonObject) -> JsonObject:
        raise error

    async with local_engine(tmp_path / "e.db", [step], {"act": act}) as engine:
        await engine.start("step", instance_id="a", payload={})
        instance = await ended(engine, "a")
        assert instance.state is InstanceState.FAILED
        assert type(error).__name__ in instance.failure


async def test_an_orchestrator_that_raises_without_a_message_has_a_reason(tmp_path: Path) -> None:
    """Stock: the failure is an empty text."""

    def broken(_ctx: task.OrchestrationContext, _payload: JsonObject) -> Steps:
        raise KeyError

    async with local_engine(tmp_path / "e.db", [broken]) as engine:
        await engine.start("broken", instance_id="a", payload={})
        assert "KeyError" in (await ended(engine, "a")).failure


async def test_a_timer_of_a_purged_instance_does_not_fire_in_the_next_one_of_its_id(
    tmp_path: Path,
) -> None:
    """Stock: the old timer's thread wakes whichever instance has the ID by then."""
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await engine.start("wait", instance_id="a", payload={"patience_s": 0.3})
        await engine.raise_event("a", name="Go", payload={})
        await ended(engine, "a")
        await engine.purge("a")
        began = time.monotonic()
        await engine.start("wait", instance_id="a", payload={"patience_s": 0.9})
        assert (await ended(engine, "a")).output == {"winner": "timer"}
        assert time.monotonic() - began >= 0.9


async def test_a_timer_from_before_continue_as_new_does_not_fire_after_it(tmp_path: Path) -> None:
    """Stock: the old timer's thread fires a timer of the same number."""

    def again(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
        timer: task.Task[Any] = ctx.create_timer(timedelta(seconds=payload["patience_s"]))
        event: task.Task[Any] = ctx.wait_for_external_event("Go")
        if (yield task.when_any([timer, event])) is event:
            ctx.continue_as_new({"patience_s": 0.9})
        return {}

    async with local_engine(tmp_path / "e.db", [again]) as engine:
        began = time.monotonic()
        await engine.start("again", instance_id="a", payload={"patience_s": 0.3})
        await engine.raise_event("a", name="Go", payload={})
        await ended(engine, "a")
        assert time.monotonic() - began >= 0.9


async def test_a_result_from_before_continue_as_new_is_not_taken_for_a_later_one(
    tmp_path: Path,
) -> None:
    """Stock: the late result completes the activity that has the same number now."""
    release = asyncio.Event()

    def again(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
        result: task.Task[Any] = ctx.call_activity("act", input=payload)
        event: task.Task[Any] = ctx.wait_for_external_event("Go")
        if (yield task.when_any([result, event])) is event:
            ctx.continue_as_new({"round": 2})
            return {}
        return result.get_result()

    async def act(payload: JsonObject) -> JsonObject:
        if payload["round"] == 1:
            await release.wait()
        else:
            release.set()
            await asyncio.sleep(0.1)
        return payload

    async with local_engine(tmp_path / "e.db", [again], {"act": act}) as engine:
        await engine.start("again", instance_id="a", payload={"round": 1})
        await engine.raise_event("a", name="Go", payload={})
        assert (await ended(engine, "a")).output == {"round": 2}


async def test_300_waits_take_no_thread(tmp_path: Path) -> None:
    """Stock: each timer is a thread that sleeps until it is due, cancelled or not."""
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await engine.start("wait", instance_id="first", payload={"patience_s": 0.01})
        await ended(engine, "first")
        before = threading.active_count()
        starts = (
            engine.start("wait", instance_id=f"w{number}", payload={"patience_s": 2160})
            for number in range(300)
        )
        await asyncio.gather(*starts)
        assert threading.active_count() == before


async def test_work_that_a_dead_worker_held_comes_back(tmp_path: Path) -> None:
    """Stock: an orchestration that was handed to a worker is never handed out again."""

    async def hang(_payload: JsonObject) -> JsonObject:
        return await asyncio.get_running_loop().create_future()

    async def act(payload: JsonObject) -> JsonObject:
        return payload

    async with local_engine(tmp_path / "e.db", [step], {"act": hang}) as engine:
        for number in range(20):
            await engine.start("step", instance_id=f"s{number}", payload={"n": number})
    async with local_engine(tmp_path / "e.db", [step], {"act": act}) as engine:
        for number in range(20):
            assert (await ended(engine, f"s{number}")).output == {"n": number}


async def test_a_hundred_callers_at_once_do_not_block_each_other(tmp_path: Path) -> None:
    """Stock: ten threads serve all calls, so twelve waits are a deadlock."""
    arrived = asyncio.Barrier(101)  # the hundred and this test

    async def act(payload: JsonObject) -> JsonObject:
        await arrived.wait()
        return payload

    async with local_engine(tmp_path / "e.db", [step], {"act": act}, most_activities=100) as engine:
        ids = [f"s{number}" for number in range(100)]
        await asyncio.gather(
            *(engine.start("step", instance_id=name, payload={"id": name}) for name in ids)
        )
        waits = [asyncio.create_task(ended(engine, name)) for name in ids]
        async with asyncio.timeout(60):
            await arrived.wait()
        assert {wait.output["id"] for wait in await asyncio.gather(*waits)} == set(ids)


async def test_the_engine_listens_on_no_interface_at_all(tmp_path: Path) -> None:
    """Stock: it listens on every interface, without a password."""
    before = _sockets()
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await engine.start("wait", instance_id="a", payload={"patience_s": 60})
        assert _sockets() == before


def _sockets() -> int:
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(descriptor.readlink()).startswith("socket:")
    return count


async def test_a_second_engine_on_the_same_state_is_refused(tmp_path: Path) -> None:
    """Stock: SO_REUSEPORT lets a second backend share the port, and each gets half of the calls."""
    async with local_engine(tmp_path / "e.db", [wait]):
        with pytest.raises(ServiceUnavailableError, match="another process"):
            LocalEngine.open(tmp_path / "e.db")


async def test_a_result_that_arrives_during_a_turn_is_heard_at_once(tmp_path: Path) -> None:
    """Stock: the wake-up is lost, and the next look comes 110 ms later."""
    rounds: list[float] = []

    def busy(ctx: task.OrchestrationContext, _payload: JsonObject) -> Steps:
        for _ in range(11):
            calls: list[task.Task[Any]] = [ctx.call_activity("act", input={}) for _ in range(5)]
            yield task.when_all(calls)
            yield ctx.call_activity("tick", input={})
        return {}

    async def act(payload: JsonObject) -> JsonObject:
        return payload

    async def tick(payload: JsonObject) -> JsonObject:
        rounds.append(time.monotonic())
        return payload

    async with local_engine(tmp_path / "e.db", [busy], {"act": act, "tick": tick}) as engine:
        await engine.start("busy", instance_id="a", payload={})
        await ended(engine, "a")
    pairs = itertools.pairwise(rounds)
    assert statistics.median(after - before for before, after in pairs) < 0.1


async def test_a_payload_may_be_larger_than_4_mb(tmp_path: Path) -> None:
    """Stock: gRPC refuses it, on the way in, to the worker and back."""
    payload = {"text": "x" * (5 << 20)}

    async def act(payload: JsonObject) -> JsonObject:
        return payload

    async with local_engine(tmp_path / "e.db", [step], {"act": act}) as engine:
        await engine.start("step", instance_id="a", payload=payload)
        assert (await ended(engine, "a")).output == payload


def test_the_trace_of_the_starter_reaches_activities_and_sub_orchestrations() -> None:
    """Stock: parentTraceContext is dropped at every hand-over."""

    def outer(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
        return (yield ctx.call_sub_orchestrator("step", input=payload, instance_id="inner"))

    trace = pb.TraceContext(traceParent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    backend, runner = _backend(outer, step)
    backend.start_instance(
        pb.CreateInstanceRequest(instanceId="a", name="outer", parentTraceContext=trace)
    )
    _run_turns(backend, runner)
    (activity,) = backend.take_scheduled()
    assert activity.instance_id == "inner"
    assert activity.trace == trace


def test_a_start_that_is_scheduled_for_later_waits_for_its_time() -> None:
    """Stock: it begins at once, with a clock that is in the future."""
    backend, runner = _backend(step)
    start_at = Timestamp()
    start_at.FromDatetime(datetime.now(UTC) + timedelta(seconds=0.2))
    backend.start_instance(
        pb.CreateInstanceRequest(instanceId="a", name="step", scheduledStartTimestamp=start_at)
    )
    backend.raise_event("a", "Early", "{}")
    _run_turns(backend, runner)
    assert not backend.take_scheduled()
    time.sleep(0.25)
    backend.fire_timers()
    _run_turns(backend, runner)
    assert len(backend.take_scheduled()) == 1


async def test_an_instance_with_too_long_a_history_fails_with_a_reason(tmp_path: Path) -> None:
    """Stock: the turn is refused, and the instance is running for ever."""

    def endless(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
        while True:
            yield ctx.call_activity("act", input=payload)

    async def act(payload: JsonObject) -> JsonObject:
        return payload

    async with local_engine(
        tmp_path / "e.db", [endless], {"act": act}, max_history_events=100
    ) as engine:
        await engine.start("endless", instance_id="a", payload={})
        instance = await ended(engine, "a")
        assert instance.state is InstanceState.FAILED
        assert "more than 100 events" in instance.failure


async def test_terminating_an_instance_terminates_its_sub_orchestrations(tmp_path: Path) -> None:
    """Stock: it logs that it cannot, and leaves them running."""
    async with local_engine(tmp_path / "e.db", [parent, wait]) as engine:
        await engine.start("parent", instance_id="a", payload={"patience_s": 3600})
        await raised(engine, "child", "Unheard", {})
        await engine.terminate("a", reason="it is not wanted any more")
        assert (await ended(engine, "a")).state is InstanceState.TERMINATED
        assert (await ended(engine, "child")).state is InstanceState.TERMINATED


async def test_a_sub_orchestration_knows_its_parent(tmp_path: Path) -> None:
    """Stock: parent_instance_id is None."""

    def outer(ctx: task.OrchestrationContext, _payload: JsonObject) -> Steps:
        return (yield ctx.call_sub_orchestrator("inner", input={"round": 1}))

    def inner(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
        yield ctx.create_timer(timedelta(0))
        if payload["round"] == 1:
            ctx.continue_as_new({"round": 2})
        return {"parent": ctx.parent_instance_id}

    async with local_engine(tmp_path / "e.db", [outer, inner]) as engine:
        await engine.start("outer", instance_id="a", payload={})
        assert (await ended(engine, "a")).output == {"parent": "a"}


async def test_an_orchestrator_that_calls_an_entity_fails_with_a_reason(tmp_path: Path) -> None:
    """Stock: it runs entities, in memory only. Ours would forget them, so it refuses."""

    def signal(ctx: task.OrchestrationContext, _payload: JsonObject) -> Steps:
        ctx.signal_entity(EntityInstanceId("counter", "a"), "add")
        yield ctx.create_timer(timedelta(hours=1))
        return {}

    async with local_engine(tmp_path / "e.db", [signal]) as engine:
        await engine.start("signal", instance_id="a", payload={})
        assert "no entities" in (await ended(engine, "a")).failure


def _backend(*orchestrators: Any) -> tuple[DurableBackend, TurnRunner]:
    runner = TurnRunner()
    for orchestrator in orchestrators:
        runner.add_orchestrator(orchestrator)
    return DurableBackend(max_history_events=1000), runner


def _run_turns(backend: DurableBackend, runner: TurnRunner) -> None:
    while request := backend.next_turn():
        backend.end_turn(runner.run_turn(request))
