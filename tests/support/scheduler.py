"""Our Durable Task Scheduler as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.told_process import ToldProcess

if TYPE_CHECKING:
    from pathlib import Path


class SchedulerProcess(ToldProcess):
    """One hub; what it keeps lies in `folder`. Its timers run `pace` times as fast as ours."""

    def __init__(self, folder: Path, pace: float = 1.0) -> None:
        super().__init__("tests.fakes.scheduler", str(folder / "scheduler.db"), str(pace))

    @property
    def endpoint(self) -> str:
        """Its URL, the same after each start."""
        return f"http://127.0.0.1:{self.port}"
