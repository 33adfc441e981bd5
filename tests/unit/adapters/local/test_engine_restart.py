"""What the local engine keeps over a restart, and what it says when it cannot keep anything."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from durabletask import task

from adapters.local.engine import LocalEngine
from shared.errors import (
    NewerStateError,
    ServiceUnavailableError,
    StorageCorruptError,
)
from shared.model import JsonObject
from shared.ports import InstanceState
from tests.support.engine import ended, local_engine, raised

type Steps = Generator[task.Task[Any], Any, JsonObject]


def wait(ctx: task.OrchestrationContext, _payload: JsonObject) -> Steps:
    """Wait for an event."""
    return (yield ctx.wait_for_external_event("Go"))


def step(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Run one activity, and again after 50 ms when it fails."""
    policy = task.RetryPolicy(
        first_retry_interval=timedelta(milliseconds=50), max_number_of_attempts=5
    )
    return (yield ctx.call_activity("act", input=payload, retry_policy=policy))


def parent(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Run `wait` as a sub-orchestration."""
    return (yield ctx.call_sub_orchestrator("wait", input=payload, instance_id="child"))


def nap(ctx: task.OrchestrationContext, _payload: JsonObject) -> Steps:
    """Wait for a time."""
    yield ctx.create_timer(timedelta(seconds=0.3))
    return {}


async def echo(payload: JsonObject) -> JsonObject:
    return payload


async def test_an_instance_that_ended_is_known_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "e.db"
    async with local_engine(path, [step], {"act": echo}) as engine:
        await engine.start("step", instance_id="a", payload={"n": 1})
        before = await ended(engine, "a")
    async with local_engine(path, [step], {"act": echo}) as engine:
        assert await engine.instance("a") == before
        assert not await engine.start("step", instance_id="a", payload={})


async def test_an_instance_started_before_the_worker_runs_after_a_restart(tmp_path: Path) -> None:
    engine = LocalEngine.open(tmp_path / "e.db")
    await engine.start("step", instance_id="a", payload={"n": 1})
    await engine.stop()
    async with local_engine(tmp_path / "e.db", [step], {"act": echo}) as engine:
        assert (await ended(engine, "a")).output == {"n": 1}


async def test_a_parent_hears_of_its_sub_orchestration_after_a_restart(tmp_path: Path) -> None:
    async with local_engine(tmp_path / "e.db", [parent, wait]) as engine:
        await engine.start("parent", instance_id="a", payload={})
    async with local_engine(tmp_path / "e.db", [parent, wait]) as engine:
        assert await engine.raise_event("child", name="Go", payload={"n": 1})
        assert (await ended(engine, "a")).output == {"n": 1}


async def test_a_timer_that_came_due_while_nobody_ran_fires_after_a_restart(tmp_path: Path) -> None:
    async with local_engine(tmp_path / "e.db", [nap]) as engine:
        await engine.start("nap", instance_id="a", payload={})
    await asyncio.sleep(0.3)
    async with local_engine(tmp_path / "e.db", [nap]) as engine:
        assert (await ended(engine, "a", within_s=60)).state is InstanceState.COMPLETED


async def test_an_instance_that_continued_as_new_begins_there_after_a_restart(
    tmp_path: Path,
) -> None:
    def rounds(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
        yield ctx.call_activity("act", input=payload)
        yield ctx.wait_for_external_event("Go")
        if payload["round"] < 3:
            ctx.continue_as_new({"round": payload["round"] + 1})
        return payload

    path = tmp_path / "e.db"
    async with local_engine(path, [rounds], {"act": echo}) as engine:
        await engine.start("rounds", instance_id="a", payload={"round": 1})
    for _ in range(3):
        async with local_engine(path, [rounds], {"act": echo}) as engine:
            await engine.raise_event("a", name="Go", payload={})
            await asyncio.sleep(0.1)
    async with local_engine(path, [rounds], {"act": echo}) as engine:
        assert (await ended(engine, "a", within_s=60)).output == {"round": 3}


async def test_an_activity_that_is_tried_again_is_not_forgotten_by_a_restart(
    tmp_path: Path,
) -> None:
    """A retry has the number of the first try, so an ID that has a result may be open again."""
    tries: list[JsonObject] = []
    second = asyncio.Event()

    async def fail_then_hang(payload: JsonObject) -> JsonObject:
        tries.append(payload)
        if len(tries) == 1:
            raise ConnectionError
        second.set()
        return await asyncio.get_running_loop().create_future()

    async with local_engine(tmp_path / "e.db", [step], {"act": fail_then_hang}) as engine:
        await engine.start("step", instance_id="a", payload={"n": 1})
        await asyncio.wait_for(second.wait(), 60)
    async with local_engine(tmp_path / "e.db", [step], {"act": echo}) as engine:
        assert (await ended(engine, "a")).output == {"n": 1}


def test_an_activity_cut_off_by_the_end_of_the_loop_has_not_failed(tmp_path: Path) -> None:
    async def leave_without_stopping() -> LocalEngine:
        running = asyncio.Event()

        async def hang(_payload: JsonObject) -> JsonObject:
            running.set()
            return await asyncio.get_running_loop().create_future()

        engine = LocalEngine.open(tmp_path / "e.db")
        engine.register([step], {"act": hang})
        engine.start_worker()
        await engine.start("step", instance_id="a", payload={"n": 1})
        await asyncio.wait_for(running.wait(), 60)
        return engine

    async def finish() -> None:
        async with local_engine(tmp_path / "e.db", [step], {"act": echo}) as engine:
            assert (await ended(engine, "a")).output == {"n": 1}

    engine = asyncio.run(leave_without_stopping())
    asyncio.run(engine.stop())
    asyncio.run(finish())


async def test_a_caller_that_goes_away_disturbs_nobody(tmp_path: Path) -> None:
    async with local_engine(tmp_path / "e.db", [step], {"act": echo}) as engine:
        for number in range(20):
            caller = asyncio.create_task(engine.start("step", instance_id=f"a{number}", payload={}))
            await asyncio.sleep(0)
            caller.cancel()
        await engine.start("step", instance_id="b", payload={"n": 1})
        assert (await ended(engine, "b")).output == {"n": 1}


async def test_a_value_that_is_no_text_is_refused_and_disturbs_nobody(tmp_path: Path) -> None:
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await engine.start("wait", instance_id="a", payload={})
        calls = (
            engine.instance("\udc80"),
            engine.raise_event("a", name="\udc80", payload={}),
            engine.start("wait", instance_id="", payload={}),
            engine.start("wait", instance_id="b", payload={"at": object()}),
            engine.raise_event("a", name="Go", payload={"n": 1}),
        )
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(result, Exception) for result in results] == [True] * 4 + [False]
        assert (await ended(engine, "a", within_s=60)).output == {"n": 1}


async def test_a_stopped_engine_says_so(tmp_path: Path) -> None:
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        pass
    with pytest.raises(ServiceUnavailableError, match="stopped"):
        await engine.start("wait", instance_id="a", payload={})
    await engine.stop()


def test_a_damaged_file_is_refused_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "e.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(StorageCorruptError, match="cannot be read"):
        LocalEngine.open(tmp_path / "e.db")


async def test_a_damaged_history_is_refused_with_one_sentence(tmp_path: Path) -> None:
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await engine.start("wait", instance_id="a", payload={})
    with sqlite3.connect(tmp_path / "e.db") as db:
        db.execute("UPDATE history SET events = x'ffff'")
    db.close()
    with pytest.raises(StorageCorruptError, match="instance a"):
        LocalEngine.open(tmp_path / "e.db")


def test_the_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "e.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(NewerStateError, match="version 99"):
        LocalEngine.open(tmp_path / "e.db")


async def test_failed_and_stuck_instances_are_listed_with_their_reasons(tmp_path: Path) -> None:
    async def act(_payload: JsonObject) -> JsonObject:
        raise ValueError("no such film")

    options: dict[str, Any] = {"stuck_after": timedelta(0)}
    async with local_engine(tmp_path / "e.db", [step, wait], {"act": act}, **options) as engine:
        await engine.start("step", instance_id="bad", payload={})
        await engine.start("wait", instance_id="stuck", payload={})
        await ended(engine, "bad")
        failed = {instance.instance_id: instance.failure for instance in await engine.failed(10)}
        assert set(failed) == {"bad", "stuck"}
        assert "no such film" in failed["bad"]
        assert failed["stuck"].startswith("Nothing has happened to it since")
        assert len(await engine.failed(1)) == 1


async def test_instances_that_ended_long_ago_are_purged_with_their_children(
    tmp_path: Path,
) -> None:
    async with local_engine(tmp_path / "e.db", [parent, wait]) as engine:
        await engine.start("parent", instance_id="a", payload={})
        await engine.start("wait", instance_id="b", payload={})
        await raised(engine, "child", "Go", {})
        await ended(engine, "a")
    async with local_engine(tmp_path / "e.db", [parent, wait], retention=timedelta(0)) as engine:
        assert await engine.instance("a") is None
        assert await engine.instance("child") is None
        assert await engine.instance("b") is not None


async def test_ten_thousand_ended_instances_do_not_slow_a_start(tmp_path: Path) -> None:
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        await engine.start("wait", instance_id="a", payload={})
    with sqlite3.connect(tmp_path / "e.db") as db:
        db.execute(
            "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
            " INSERT INTO instances SELECT 'old' || i, name, 'completed', NULL, NULL, created_at,"
            " updated_at, updated_at, '{}', NULL, x'' FROM instances, n WHERE id = 'a'"
        )
    db.close()
    began = time.process_time()
    async with local_engine(tmp_path / "e.db", [wait]) as engine:
        assert time.process_time() - began < 0.5
        known = await engine.instance("old10000")
        assert known
        assert known.state is InstanceState.COMPLETED
