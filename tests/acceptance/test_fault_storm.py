"""Every service of Azure in every bad weather, one after the other, while submissions come in.

The matrix with thirty seconds for each (``make fault-matrix``) takes an hour; this is its storm.
"""

from __future__ import annotations

import asyncio
from itertools import product
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.support.azurite import require_azurite
from tests.support.cloud.audit import Audit
from tests.support.cloud.faults import FAULTS, ended_programs
from tests.support.cloud.load import Load
from tests.support.cloud.programs import Shape, running_system
from tests.support.cloud.services import emulated_cloud
from tests.support.weather import Weather

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cloud.services import Cloud

SUBMISSIONS = 30
STORM_S = 24.0
SETTINGS = {
    "MAIL_INGEST_REPLY_DELAYS_S": "2,2,3,5,5,10,20,40",
    "MAIL_INGEST_POLL_PAUSE_S": "1",
    "MAIL_INGEST_POLL_RETRY_DELAY_S": "1",
}


async def storm(cloud: Cloud) -> None:
    """Go through all services and weathers, in an order that is always the same."""
    faults = list(product(cloud.services.values(), FAULTS))
    Random(20261124).shuffle(faults)  # noqa: S311
    for service, weather in faults:
        service.weather = weather
        await asyncio.sleep(STORM_S / len(faults))
        service.weather = Weather.WELL


@pytest.mark.timeout(300)
async def test_a_storm_over_all_services_loses_nothing_and_answers_nobody_twice(
    tmp_path: Path,
) -> None:
    require_azurite()
    async with (
        emulated_cloud(tmp_path) as cloud,
        running_system(cloud, Shape.CONTAINERS, tmp_path, **SETTINGS) as system,
        Audit(cloud) as audit,
    ):
        load = Load(cloud, system.door)
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            group.create_task(load.send(SUBMISSIONS, within_s=STORM_S))
            group.create_task(storm(cloud))
        finished = await audit.until_finished(load.sent, within_s=150)
        findings = await audit.findings(load.sent)
        assert (finished, findings.complaints) == (True, ()), system.logs()
        assert not ended_programs(system)
        assert sum(service.struck for service in cloud.services.values()) > SUBMISSIONS
