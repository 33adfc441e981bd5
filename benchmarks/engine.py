"""Orchestrations per second of the local engine, against durabletask's stock in-memory backend.

Usage: python -m benchmarks.engine [orchestrations] [at once]

Both run the same orchestrator, three activities in a row, as for a mail with text only. The stock
backend keeps nothing; the local engine has every step on the disk. An orchestration counts as done
when its last activity runs.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from durabletask import task
from durabletask.client import TaskHubGrpcClient
from durabletask.testing import InMemoryOrchestrationBackend
from durabletask.worker import TaskHubGrpcWorker

from adapters.local.engine import LocalEngine
from shared.model import JsonObject

_STEPS = 3


@dataclass(slots=True)
class Run:
    """What one engine took: seconds for each orchestration, and for all of them."""

    name: str
    wall_s: float = 0.0
    cpu_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list[float])

    @property
    def rate(self) -> float:
        """Orchestrations per second."""
        return len(self.latencies_s) / self.wall_s

    @property
    def cpu_each_s(self) -> float:
        """Processor seconds for each orchestration, of all threads."""
        return self.cpu_s / len(self.latencies_s)

    def __str__(self) -> str:
        p50, p95 = (statistics.quantiles(self.latencies_s, n=20)[i] * 1000 for i in (9, 18))
        return (
            f"{self.name:<24}{self.rate:>8.0f}/s   p50 {p50:6.1f} ms   p95 {p95:6.1f} ms"
            f"   CPU {self.cpu_each_s * 1000:5.2f} ms each"
        )


class Stopwatch:
    """Times a run; `done` is told by the last activity of each orchestration."""

    def __init__(self, name: str) -> None:
        self.run = Run(name)
        self.arrivals: dict[str, threading.Event] = {}
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def done(self, payload: JsonObject) -> JsonObject:
        """The activity: ends the orchestration when it is its last one."""
        if payload["number"] == _STEPS - 1:
            self.arrivals[payload["id"]].set()
        return payload

    def finish(self) -> Run:
        """Stop the clocks."""
        self.run.wall_s = time.perf_counter() - self._wall
        self.run.cpu_s = time.process_time() - self._cpu
        return self.run


def orchestrator(
    ctx: task.OrchestrationContext, payload: JsonObject
) -> Generator[task.Task[Any], Any, JsonObject]:
    """Three steps, one after the other."""
    for number in range(_STEPS):
        payload = yield ctx.call_activity("step", input={"id": ctx.instance_id, "number": number})
    return payload


def run_stock(count: int, at_once: int) -> Run:
    """The stock backend and worker, over their gRPC connection."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    backend = InMemoryOrchestrationBackend(port=port)
    backend.start()
    address = f"localhost:{port}"
    worker = TaskHubGrpcWorker(host_address=address)
    client = TaskHubGrpcClient(host_address=address)
    watch = Stopwatch("stock, in memory")

    def step(_ctx: task.ActivityContext, payload: JsonObject) -> JsonObject:
        return watch.done(payload)

    def one(number: int) -> None:
        instance_id = f"s{number}"
        arrived = watch.arrivals[instance_id] = threading.Event()
        began = time.perf_counter()
        client.schedule_new_orchestration("orchestrator", input={}, instance_id=instance_id)
        arrived.wait()
        watch.run.latencies_s.append(time.perf_counter() - began)

    worker.add_orchestrator(orchestrator)
    worker.add_activity(step)
    worker.start()
    try:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(one, range(count)))
        return watch.finish()
    finally:
        client.close()
        worker.stop()
        backend.stop(0)


async def run_local(count: int, at_once: int, folder: Path) -> Run:
    """The local engine with every step flushed to the disk."""
    engine = LocalEngine.open(folder / "engine.db")
    watch = Stopwatch("local, on the disk")
    slots = asyncio.Semaphore(at_once)
    arrivals: dict[str, asyncio.Event] = {}

    async def step(payload: JsonObject) -> JsonObject:
        if payload["number"] == _STEPS - 1:
            arrivals[payload["id"]].set()
        return payload

    async def one(number: int) -> None:
        async with slots:
            instance_id = f"s{number}"
            arrived = arrivals[instance_id] = asyncio.Event()
            began = time.perf_counter()
            await engine.start("orchestrator", instance_id=instance_id, payload={})
            await arrived.wait()
            watch.run.latencies_s.append(time.perf_counter() - began)

    engine.register([orchestrator], {"step": step})
    engine.start_worker()
    try:
        await asyncio.gather(*(one(number) for number in range(count)))
        return watch.finish()
    finally:
        await engine.stop()


def main() -> None:
    """Run both, print both, and the ratio."""
    logging.disable(logging.CRITICAL)  # the stock worker tells every step
    count, at_once = (int(value) for value in (*sys.argv[1:], 400, 20)[:2])
    stock = run_stock(count, at_once)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        local = asyncio.run(run_local(count, at_once, Path(folder)))
    sys.stdout.write(f"{count} orchestrations, {at_once} at once\n{stock}\n{local}\n")
    sys.stdout.write(
        f"local / stock: {local.rate / stock.rate:.1f} times as many, "
        f"{stock.cpu_each_s / local.cpu_each_s:.1f} times less CPU\n"
    )


if __name__ == "__main__":
    main()
