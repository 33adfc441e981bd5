"""Waiting for what other processes do."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Look often, for a minute at the most."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is not dead and unburied."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
