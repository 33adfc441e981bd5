"""A worker of the task hub that a test may kill: `python -m tests.support.hub_program URL LOG`.

It works off the orchestrators of `engine_program`, and writes each run of an activity as a line
into LOG: the instance and the step. It ends when its input does.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from shared.model import JsonObject
from tests.support.engine_program import inner, outer
from tests.support.hub_worker import hub_worker


async def _serve(endpoint: str, log: Path) -> None:
    attempts: dict[str, int] = {}

    async def act(payload: JsonObject) -> JsonObject:
        await asyncio.sleep(0.02)
        attempt = attempts[payload["id"]] = attempts.get(payload["id"], 0) + 1
        if payload["step"] == "flaky" and attempt == 1:
            raise ConnectionError
        with log.open("a") as file:
            file.write(f"{payload['id']} {payload['step']}\n")
        return payload

    async with hub_worker(endpoint, [outer, inner], {"act": act}):
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
