"""kill -9 of the programs on Azure, and of what they stand on, while submissions come in."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.support.azurite import require_azurite
from tests.support.cloud.audit import Audit
from tests.support.cloud.load import Load
from tests.support.cloud.programs import Program, Shape, running_system
from tests.support.cloud.services import emulated_cloud
from tests.support.weather.scheduler import SchedulerWeather

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cloud.programs import System
    from tests.support.cloud.services import Cloud

SUBMISSIONS = 20
LOAD_S = 15.0
KILLS = 6
SETTINGS = {
    "MAIL_INGEST_POLL_CLAIM_S": "5",  # whoever died with a mail in hand is waited for so long
    "MAIL_INGEST_REPLY_DELAYS_S": "2,2,3,5,5,10,20,40",
}


async def kill_again_and_again(cloud: Cloud, system: System, random: Random) -> None:
    """Kill each program in turn, and the task hub that containers stand on, at moments that nobody
    chose, and start it again.
    """
    hub = cloud.services["Durable Task Scheduler"]
    assert isinstance(hub, SchedulerWeather)
    victims = (*system.programs, hub.process) if len(system.programs) > 1 else system.programs
    for number in range(KILLS):
        await asyncio.sleep(random.uniform(0.5, 1.5) * LOAD_S / KILLS / 2)
        victim = victims[number % len(victims)]
        await asyncio.to_thread(victim.kill)
        await asyncio.to_thread(victim.start)
        if isinstance(victim, Program):
            await victim.until_live()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shape", Shape)
async def test_programs_that_are_killed_lose_nothing_and_answer_nobody_twice(
    shape: Shape, tmp_path: Path
) -> None:
    require_azurite()
    async with (
        emulated_cloud(tmp_path) as cloud,
        running_system(cloud, shape, tmp_path, **SETTINGS) as system,
        Audit(cloud) as audit,
    ):
        load = Load(cloud, system.door)
        async with asyncio.timeout(150), asyncio.TaskGroup() as group:
            group.create_task(load.send(SUBMISSIONS, within_s=LOAD_S))
            group.create_task(kill_again_and_again(cloud, system, Random(20261124)))  # noqa: S311
        finished = await audit.until_finished(load.sent, within_s=150)
        findings = await audit.findings(load.sent)
        assert (finished, findings.complaints) == (True, ()), system.logs()
        if shape is Shape.CONTAINERS:
            assert load.tries > 0, "no kill was in anybody's way"
