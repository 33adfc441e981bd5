"""A worker of the task hub that a test may kill: `python -m tests.support.hub_program URL LOG`.

It works off the orchestrators of `engine_program`, and writes each run of an activity as a line
into LOG: the instance and the step. It ends when its input does.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from tests.support.engine_program import act_and_note, inner, outer
from tests.support.hub_worker import hub_worker


async def _serve(endpoint: str, log: Path) -> None:
    async with hub_worker(endpoint, [outer, inner], {"act": act_and_note(log)}):
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
