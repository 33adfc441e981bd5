"""The task hub, and the workers on it, are killed again and again under load: every orchestration
completes all the same.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.engine import ended
from tests.support.engine_program import STEPS
from tests.support.hub_worker import hub_engine, insist
from tests.support.scheduler import SchedulerProcess

if TYPE_CHECKING:
    from shared.ports import Engine, Instance

_ROOT = Path(__file__).parents[2]
_INSTANCES = [f"o{number}" for number in range(40)]
_KILLS = 8


class _Workers:
    """Two processes that work for the hub."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.log = folder / "runs"
        self._arguments = [endpoint, str(self.log)]
        self._processes = [self._started(), self._started()]

    def replace(self, number: int) -> None:
        """kill -9, and another one in its place."""
        self._end(self._processes[number])
        self._processes[number] = self._started()

    def end(self) -> None:
        """kill -9 for all."""
        for process in self._processes:
            self._end(process)

    def _started(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "tests.support.hub_program", *self._arguments]
        return subprocess.Popen(  # noqa: S603 our own program
            words, cwd=_ROOT, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.communicate()


@contextmanager
def _running(folder: Path) -> Generator[tuple[SchedulerProcess, _Workers]]:
    hub = SchedulerProcess(folder)
    hub.start()
    workers = _Workers(hub.endpoint, folder)
    try:
        yield hub, workers
    finally:
        workers.end()
        hub.kill()


async def test_every_orchestration_completes_when_the_hub_and_its_workers_are_killed(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)  # noqa: S311 a test that can be repeated
    with_event = set(chance.sample(_INSTANCES, len(_INSTANCES) // 2))
    with _running(tmp_path) as (hub, workers):
        async with hub_engine(hub.endpoint) as engine:
            for name in _INSTANCES:
                assert await engine.start("outer", instance_id=name, payload={})
            sender = asyncio.create_task(_send(engine, sorted(with_event)))
            for number in range(_KILLS):
                await asyncio.sleep(chance.uniform(0.0, 1.0))
                if number % 2:
                    await asyncio.to_thread(workers.replace, number // 2 % 2)
                else:
                    hub.kill()
                    await asyncio.sleep(chance.uniform(0.0, 0.5))
                    await asyncio.to_thread(hub.start)
            await sender
            outputs = {name: (await _ended(engine, name)).output for name in _INSTANCES}

    assert all(output["child"] == "flaky" for output in outputs.values())
    assert all(outputs[name]["winner"] == "timer" for name in set(_INSTANCES) - with_event)
    runs = Counter(workers.log.read_text().splitlines())
    assert len(runs) == STEPS * len(_INSTANCES)
    assert runs.total() < len(runs) * 2  # what was under way runs again, the finished does not


async def _send(engine: Engine, names: list[str]) -> None:
    for name in names:
        assert await insist(lambda name=name: engine.raise_event(name, name="Go", payload={}))
        await asyncio.sleep(0.1)


async def _ended(engine: Engine, name: str) -> Instance:
    return await insist(lambda: ended(engine, name, within_s=60))
