"""What every engine does alike. An adapter joins with one more `Harness` in `_HARNESSES`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from durabletask import task
from durabletask.client import AsyncTaskHubGrpcClient

from adapters.azure.engine import DurableClientEngine
from adapters.local.engine import LocalEngine
from shared.model import JsonObject
from shared.ports import Engine, InstanceState
from tests.fakes.scheduler.server import scheduler
from tests.fakes.task_hub.server import task_hub
from tests.support.engine import ended, local_engine, raised
from tests.support.hub_worker import hub_engine, hub_worker

type Steps = Generator[task.Task[Any], Any, JsonObject]
type Harness = Callable[["Runs", Path], AbstractAsyncContextManager[Engine]]

_RETRY = task.RetryPolicy(first_retry_interval=timedelta(milliseconds=10), max_number_of_attempts=3)


def echo(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    return (yield ctx.call_activity("echo", input=payload))


def fan_out(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    calls: list[task.Task[Any]] = [
        ctx.call_activity("echo", input={"n": n}) for n in range(payload["parts"])
    ]
    parts = yield task.when_all(calls)
    return {"parts": [part["n"] for part in parts]}


def retry(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    return (yield ctx.call_activity("fail_first", input=payload, retry_policy=_RETRY))


def fail(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    yield ctx.call_activity("fail", input=payload)
    return {}


def parent(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    child: task.Task[Any] = ctx.call_sub_orchestrator(
        payload["child"], input=payload, instance_id=f"{ctx.instance_id}:1"
    )
    try:
        return {"child": (yield child)}
    except task.TaskFailedError as error:
        return {"failure": error.details.message}


def wait(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    event: task.Task[Any] = ctx.wait_for_external_event("Go")
    timer = ctx.create_timer(timedelta(seconds=payload["patience_s"]))
    winner = yield task.when_any([event, timer])
    if winner is timer:
        return {"winner": "timer"}
    timer.cancel()
    return {"winner": "event", "data": event.get_result()}


def wait_after_a_step(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    yield ctx.call_activity("sleep", input=payload)
    return (yield ctx.wait_for_external_event("Go"))


ORCHESTRATORS = (echo, fan_out, retry, fail, parent, wait, wait_after_a_step)


class Runs:
    """The activities, and what ran."""

    def __init__(self) -> None:
        self.inputs: list[JsonObject] = []

    def all(self) -> dict[str, Callable[[JsonObject], Awaitable[JsonObject]]]:
        return {
            "echo": self.echo,
            "fail_first": self.fail_first,
            "fail": self.fail,
            "sleep": self.sleep,
        }

    async def echo(self, payload: JsonObject) -> JsonObject:
        self.inputs.append(payload)
        return payload

    async def fail_first(self, payload: JsonObject) -> JsonObject:
        self.inputs.append(payload)
        if len(self.inputs) < payload["succeeds_at"]:
            raise ConnectionError("nobody is at home")
        return {"attempts": len(self.inputs)}

    async def fail(self, payload: JsonObject) -> JsonObject:
        raise ValueError(payload.get("message", ""))

    async def sleep(self, payload: JsonObject) -> JsonObject:
        await asyncio.sleep(payload["sleep_s"])
        return {}


def _local(runs: Runs, folder: Path) -> AbstractAsyncContextManager[Engine]:
    return local_engine(folder / "engine.db", ORCHESTRATORS, runs.all())


@asynccontextmanager
async def _azure(runs: Runs, folder: Path) -> AsyncGenerator[Engine]:
    async with (
        local_engine(folder / "engine.db", ORCHESTRATORS, runs.all()) as hub,
        task_hub(hub) as address,
        AsyncTaskHubGrpcClient(host_address=address) as client,
    ):
        yield DurableClientEngine(client)


@asynccontextmanager
async def _scheduler(runs: Runs, folder: Path) -> AsyncGenerator[Engine]:
    """The client and the worker of containers, over gRPC."""
    async with (
        scheduler(folder / "scheduler.db") as hub,
        hub_worker(hub.endpoint, ORCHESTRATORS, runs.all()),
        hub_engine(hub.endpoint) as engine,
    ):
        yield engine


_HARNESSES: dict[str, Harness] = {"azure": _azure, "local": _local, "scheduler": _scheduler}


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture(params=sorted(_HARNESSES))
async def engine(
    request: pytest.FixtureRequest, runs: Runs, tmp_path: Path
) -> AsyncGenerator[Engine]:
    async with _HARNESSES[request.param](runs, tmp_path) as running:
        yield running


async def test_an_instance_runs_to_its_end_and_keeps_its_output(engine: Engine) -> None:
    payload: JsonObject = {
        "text": "Blåbær \U0001f1f3\U0001f1f4",
        "list": [1, 2.5, None, True],
        "empty": {},
    }
    assert await engine.start("echo", instance_id="a", payload=payload)
    instance = await ended(engine, "a")
    assert (instance.state, instance.output, instance.failure) == ("completed", payload, "")


async def test_starting_an_instance_twice_runs_it_once(engine: Engine, runs: Runs) -> None:
    starts = [engine.start("echo", instance_id="a", payload={"n": n}) for n in range(20)]
    assert sorted(await asyncio.gather(*starts)) == [False] * 19 + [True]
    await ended(engine, "a")
    assert not await engine.start("echo", instance_id="a", payload={"n": 99})
    assert len(runs.inputs) == 1


async def test_an_instance_that_nobody_started_is_none(engine: Engine) -> None:
    assert await engine.instance("nobody") is None


async def test_activities_run_side_by_side_and_keep_their_order(engine: Engine) -> None:
    await engine.start("fan_out", instance_id="a", payload={"parts": 50})
    assert (await ended(engine, "a")).output == {"parts": list(range(50))}


async def test_an_activity_that_fails_is_tried_again(engine: Engine) -> None:
    await engine.start("retry", instance_id="a", payload={"succeeds_at": 3})
    assert (await ended(engine, "a")).output == {"attempts": 3}


async def test_an_activity_that_keeps_failing_fails_its_instance_with_a_reason(
    engine: Engine,
) -> None:
    await engine.start("retry", instance_id="a", payload={"succeeds_at": 9})
    instance = await ended(engine, "a")
    assert instance.state is InstanceState.FAILED
    assert "nobody is at home" in instance.failure


async def test_an_orchestrator_that_nobody_registered_fails_with_a_reason(engine: Engine) -> None:
    await engine.start("no_such", instance_id="a", payload={})
    instance = await ended(engine, "a")
    assert instance.state is InstanceState.FAILED
    assert "no_such" in instance.failure


async def test_a_sub_orchestration_gives_its_result_to_its_parent(engine: Engine) -> None:
    await engine.start("parent", instance_id="a", payload={"child": "echo"})
    assert (await ended(engine, "a")).output == {"child": {"child": "echo"}}
    child = await engine.instance("a:1")
    assert child
    assert child.state is InstanceState.COMPLETED


async def test_a_sub_orchestration_that_fails_is_an_error_in_its_parent(engine: Engine) -> None:
    await engine.start("parent", instance_id="a", payload={"child": "fail", "message": "no film"})
    assert "no film" in (await ended(engine, "a")).output["failure"]


async def test_a_timer_wins_when_no_event_comes(engine: Engine) -> None:
    await engine.start("wait", instance_id="a", payload={"patience_s": 0.05})
    assert (await ended(engine, "a")).output == {"winner": "timer"}


async def test_an_event_wins_over_the_timer_whatever_the_case_of_its_name(engine: Engine) -> None:
    await engine.start("wait", instance_id="a", payload={"patience_s": 3600})
    assert await engine.raise_event("a", name="GO", payload={"n": 1})
    assert (await ended(engine, "a")).output == {"winner": "event", "data": {"n": 1}}


async def test_an_event_for_an_instance_that_is_not_there_is_refused(engine: Engine) -> None:
    assert not await engine.raise_event("a:1", name="Go", payload={})


async def test_an_event_that_comes_early_is_kept_for_the_instance(engine: Engine) -> None:
    await engine.start("wait_after_a_step", instance_id="a", payload={"sleep_s": 0.05})
    assert await engine.raise_event("a", name="Go", payload={"early": True})
    assert (await ended(engine, "a")).output == {"early": True}


async def test_an_event_reaches_a_sub_orchestration(engine: Engine) -> None:
    payload = {"child": "wait", "patience_s": 3600}
    await engine.start("parent", instance_id="a", payload=payload)
    await raised(engine, "a:1", "Go", {"n": 1})
    assert (await ended(engine, "a")).output["child"]["winner"] == "event"


async def test_an_event_for_an_instance_that_has_ended_changes_nothing(engine: Engine) -> None:
    await engine.start("echo", instance_id="a", payload={"n": 1})
    before = await ended(engine, "a")
    assert await engine.raise_event("a", name="Go", payload={})
    assert await engine.instance("a") == before


async def test_purging_forgets_an_instance_and_its_sub_orchestrations(engine: Engine) -> None:
    await engine.start("parent", instance_id="a", payload={"child": "echo"})
    await ended(engine, "a")
    await engine.purge("a")
    assert await engine.instance("a") is None
    assert await engine.instance("a:1") is None
    assert await engine.start("echo", instance_id="a", payload={"again": True})
    assert (await ended(engine, "a")).output == {"again": True}


async def test_purging_leaves_an_instance_alone_that_has_not_ended(engine: Engine) -> None:
    await engine.start("wait", instance_id="a", payload={"patience_s": 3600})
    await engine.purge("a")
    assert await engine.raise_event("a", name="Go", payload={})
    assert (await ended(engine, "a")).state is InstanceState.COMPLETED
    await engine.purge("nobody")


async def test_what_failed_is_told_the_latest_first(
    engine: DurableClientEngine | LocalEngine,
) -> None:
    for name in ("a", "b"):
        await engine.start("fail", instance_id=name, payload={"message": f"no {name}"})
        await ended(engine, name)
    failed = await engine.failed()
    assert [(each.instance_id, each.state) for each in failed] == [("b", "failed"), ("a", "failed")]
    assert "no b" in failed[0].failure
    assert len(await engine.failed(1)) == 1
