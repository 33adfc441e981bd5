"""The hub as a process of its own: ``python -m tests.fakes.scheduler PORT DATABASE [PACE]``.

A line on standard output says that it listens. A line on standard input is the new weather, an
empty one leaves it as it is; how many calls it has spoiled by then is said on standard output when
it is in force. The process ends when its input does. With a pace of 60 a minute of the hub's timers
is a second.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.fakes.scheduler.server import scheduler
from tests.support.weather.kinds import Weather


async def _serve(port: int, path: Path, pace: float) -> None:
    async with scheduler(path, port=port, pace=pace) as running:
        _say(running.endpoint)
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip():
                running.weather.weather = Weather(line.strip())
            _say(str(running.weather.struck))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _port, _path, *_pace = sys.argv[1:]
    asyncio.run(_serve(int(_port), Path(_path), float(*_pace or [1.0])))
