"""How describers are run as child processes, on whichever platform."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

WORKER = (sys.executable, "-m", "describer", "--worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRules:
    """How many describers, with which environment, and how long each thing may take.

    `workers` 0 is one for each core. `environment` is all that a describer sees: the variables of
    its provider, and what its interpreter needs. After `horizon` without a service a job ends as
    unreadable.
    """

    workers: int = 0
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    photo_time: timedelta = timedelta(seconds=120)
    video_time: timedelta = timedelta(seconds=600)
    ready_within: timedelta = timedelta(seconds=120)
    restart_pause: timedelta = timedelta(seconds=5)
    horizon: timedelta = timedelta(hours=72)
    command: tuple[str, ...] = WORKER
