"""The broker as a process of its own: ``python -m tests.fakes.service_bus PORT DATABASE QUEUE``.

The queue detects duplicates. A line on standard output says that it listens. A line on standard
input is the new weather, an empty one leaves it as it is; how many requests it has spoiled by then
is said on standard output when it is in force. The process ends when its input does.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.fakes.service_bus.broker import Broker, Entities
from tests.fakes.service_bus.queue import QueueRules
from tests.support.weather.kinds import Weather


async def _serve(port: int, path: Path, queue: str) -> None:
    rules = QueueRules(duplicates_known_for_s=3600)
    running = Broker(Entities(queues={queue: rules}), path)
    await running.start(port)
    _say(running.connection_string)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            running.weather = Weather(line.strip())
        _say(str(running.faults.struck))
    await running.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
