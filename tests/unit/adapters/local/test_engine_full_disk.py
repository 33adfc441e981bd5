"""What the local engine does while the disk is full, and when there is room again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from durabletask import task

from adapters.local.durable import engine_thread, history_store
from adapters.local.durable.history_schema import Durability, connect
from adapters.local.engine import LocalEngine
from shared.errors import StorageFullError
from shared.model import JsonObject
from shared.ports import InstanceState
from tests.support.engine import ended, local_engine

type Steps = Generator[task.Task[Any], Any, JsonObject]


def wait(ctx: task.OrchestrationContext, _payload: JsonObject) -> Steps:
    """Wait for an event."""
    return (yield ctx.wait_for_external_event("Go"))


def step(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Run one activity."""
    return (yield ctx.call_activity("act", input=payload))


class Disk:
    """A disk that fills up on demand, as SQLite sees it."""

    def __init__(self) -> None:
        self._database: sqlite3.Connection | None = None

    def connect(self, path: Path, durability: Durability) -> sqlite3.Connection:
        self._database = connect(path, durability)
        return self._database

    def fill(self) -> None:
        """From now on the file cannot grow."""
        self._allow(1)

    def free(self) -> None:
        """There is room again."""
        self._allow(1_000_000)

    def _allow(self, pages: int) -> None:
        assert self._database
        self._database.execute(f"PRAGMA max_page_count = {pages}")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(history_store, "connect", disk.connect)
    return disk


async def test_a_full_disk_is_reported_and_nothing_of_the_call_has_happened(
    tmp_path: Path, disk: Disk
) -> None:
    runs: list[JsonObject] = []

    async def act(payload: JsonObject) -> JsonObject:
        runs.append(payload)
        return payload

    async with local_engine(tmp_path / "e.db", [step, wait], {"act": act}) as engine:
        await engine.start("wait", instance_id="waiting", payload={})
        disk.fill()
        large = {"text": "x" * 100_000}
        with pytest.raises(StorageFullError):
            await engine.start("step", instance_id="a", payload=large)
        with pytest.raises(StorageFullError):
            await engine.raise_event("waiting", name="Go", payload=large)
        assert await engine.instance("a") is None
        disk.free()
        assert await engine.start("step", instance_id="a", payload={"n": 1})
        assert (await ended(engine, "a")).output == {"n": 1}
        assert await engine.raise_event("waiting", name="Go", payload={"n": 2})
        assert (await ended(engine, "waiting")).output == {"n": 2}
    assert runs == [{"n": 1}]


async def test_a_result_that_a_full_disk_refused_is_made_again(tmp_path: Path, disk: Disk) -> None:
    filled = asyncio.Event()
    runs: list[JsonObject] = []

    async def act(payload: JsonObject) -> JsonObject:
        runs.append(payload)
        if len(runs) == 1:
            disk.fill()
            filled.set()
        return {"text": "x" * 100_000}

    async with local_engine(tmp_path / "e.db", [step], {"act": act}) as engine:
        await engine.start("step", instance_id="a", payload={})
        await asyncio.wait_for(filled.wait(), 60)
        await asyncio.sleep(0.1)
        disk.free()
        assert (await ended(engine, "a")).state is InstanceState.COMPLETED
    assert len(runs) == 2


async def test_an_activity_is_not_forgotten_when_the_disk_stays_full_for_several_commits(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_thread, "_REST_AFTER_ERROR_S", 0.1)
    large = {"text": "x" * 100_000}
    filled = asyncio.Event()

    async def act(_: JsonObject) -> JsonObject:
        if not filled.is_set():
            disk.fill()
            filled.set()
        return large

    async with local_engine(tmp_path / "e.db", [step], {"act": act}) as engine:
        await engine.start("step", instance_id="a", payload={})
        await asyncio.wait_for(filled.wait(), 60)
        for _ in range(4):
            with pytest.raises(StorageFullError):
                await engine.start("step", instance_id="b", payload=large)
        disk.free()
        assert (await ended(engine, "a")).state is InstanceState.COMPLETED


async def test_an_activity_is_not_forgotten_when_the_disk_is_full_at_the_start(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_thread, "_REST_AFTER_ERROR_S", 0.1)
    large = {"text": "x" * 100_000}

    async def never(_: JsonObject) -> JsonObject:
        await asyncio.Event().wait()
        return {}

    async def act(payload: JsonObject) -> JsonObject:
        return payload

    async with local_engine(tmp_path / "e.db", [step], {"act": never}) as engine:
        await engine.start("step", instance_id="a", payload={})
        await asyncio.sleep(0.1)
    engine = LocalEngine.open(tmp_path / "e.db")
    engine.register([step], {"act": act})
    disk.fill()
    for _ in range(2):
        with pytest.raises(StorageFullError):
            await engine.start("step", instance_id="b", payload=large)
    disk.free()
    engine.start_worker()
    assert (await ended(engine, "a")).state is InstanceState.COMPLETED
    await engine.stop()
