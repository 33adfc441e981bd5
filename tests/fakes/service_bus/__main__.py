"""The broker as a process of its own: ``python -m tests.fakes.service_bus PORT DATABASE QUEUE``.

The queue detects duplicates. A line on standard output says that it listens.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.fakes.service_bus.broker import Broker, Entities
from tests.fakes.service_bus.queue import QueueRules


async def _serve(port: int, path: Path, queue: str) -> None:
    rules = QueueRules(duplicates_known_for_s=3600)
    running = Broker(Entities(queues={queue: rules}), path)
    await running.start(port)
    sys.stdout.write(f"{running.connection_string}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
