"""A container as a child process."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROJECT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class ContainerProcess:
    """A running or ended program, with its children in a process group of its own."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Start it as an image would: it sees its own environment and what an interpreter needs."""
        basics = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)}
        process = await asyncio.create_subprocess_exec(
            *command, env=basics | dict(environment), cwd=PROJECT, start_new_session=True
        )
        return cls(process)

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 and more: ended by a signal."""
        code = self.process.returncode
        return code if code is None or code >= 0 else 128 - code

    async def stop(self) -> None:
        """End it as Azure does, without the patience."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
