"""Both containers, and the task hub between them, are killed again and again in the middle of
submissions: each gets one outcome and one answer.
"""

from __future__ import annotations

import asyncio
import random
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from tests.support.azurite import require_azurite
from tests.support.cloud.audit import Audit
from tests.support.cloud.load import Load
from tests.support.cloud.programs import Program, Shape, running_system
from tests.support.cloud.services import emulated_cloud
from tests.support.scheduler import SchedulerProcess
from tests.support.weather.scheduler import SchedulerWeather

if TYPE_CHECKING:
    from pathlib import Path

_SUBMISSIONS = 20
_LOAD_S = 12.0
_KILLS = 8
# A mail that somebody was killed over is taken up again after it.
_SETTINGS = {"MAIL_INGEST_POLL_CLAIM_S": "20"}


@pytest.mark.timeout(400)
async def test_each_submission_gets_one_outcome_and_one_answer(tmp_path: Path) -> None:
    require_azurite()
    chance = random.Random(7)  # noqa: S311 a test that can be repeated
    async with (
        emulated_cloud(tmp_path) as cloud,
        running_system(cloud, Shape.CONTAINERS, tmp_path, **_SETTINGS) as system,
    ):
        scheduler = cloud.services["Durable Task Scheduler"]
        assert isinstance(scheduler, SchedulerWeather)
        intake, worker = system.programs
        load = Load(cloud, system.door)
        loading = asyncio.create_task(load.send(_SUBMISSIONS, within_s=_LOAD_S))
        victims = cycle((worker, scheduler.hub, worker, intake))
        for _ in range(_KILLS):
            await asyncio.sleep(chance.uniform(0.5, 1.5) * _LOAD_S / _KILLS)
            await _killed_and_started(next(victims))
        await loading
        async with Audit(cloud) as audit:
            assert await audit.until_finished(load.sent, within_s=200), system.logs()
            findings = await audit.findings(load.sent)
    assert findings.complaints == ()
    assert len(load.sent) == _SUBMISSIONS


async def _killed_and_started(victim: Program | SchedulerProcess) -> None:
    await asyncio.to_thread(victim.kill)
    await asyncio.to_thread(victim.start)
    if isinstance(victim, Program):
        await victim.until_live()
