"""One service in bad weather in the middle of a load, and what that has done."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.cloud.audit import Audit
from tests.support.cloud.load import Load
from tests.support.weather import Weather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.cloud.programs import System
    from tests.support.cloud.services import Cloud

FAULTS = tuple(weather for weather in Weather if weather is not Weather.WELL)
_LONGEST_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A load of `count` submissions that takes `load_s`; `fault_s` of it, in the middle, in bad
    weather.
    """

    count: int = 100
    load_s: float = 40.0
    fault_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came out. `struck` counts what the weather has spoiled, of what can be counted; `tries`
    the requests that clients had to send again; `after_s` is from the end of the fault until the
    last submission was finished.
    """

    struck: int
    tries: int
    repeats: int
    after_s: float
    complaints: tuple[str, ...]


async def tried(
    cloud: Cloud, system: System, name: str, weather: Weather, trial: Trial, *, first: int
) -> Verdict:
    """Try one fault of one service. The submissions are numbered from `first`."""
    service = cloud.services[name]
    before, loop = service.struck, asyncio.get_running_loop()
    load = Load(cloud, system.door, first)
    loading = asyncio.create_task(load.send(trial.count, within_s=trial.load_s))
    await asyncio.sleep((trial.load_s - trial.fault_s) / 2)
    service.weather = weather
    await asyncio.sleep(trial.fault_s)
    struck = service.struck - before
    service.weather = Weather.WELL
    ended = loop.time()
    async with Audit(cloud) as audit:
        try:
            async with asyncio.timeout(_LONGEST_S):
                await loading
            await audit.until_finished(load.sent, within_s=_LONGEST_S)
        except TimeoutError:
            return _not_taken(load, trial)
        after_s = loop.time() - ended
        findings = await audit.findings(load.sent)
    complaints = (*findings.complaints, *ended_programs(system))
    return Verdict(
        struck=struck,
        tries=load.tries,
        repeats=findings.repeats,
        after_s=after_s,
        complaints=complaints,
    )


def _not_taken(load: Load, trial: Trial) -> Verdict:
    lost = trial.count - len(load.sent)
    complaint = f"{lost} submissions are not taken although all services are well again"
    return Verdict(struck=0, tries=load.tries, repeats=0, after_s=0, complaints=(complaint,))


def ended_programs(system: System) -> Sequence[str]:
    """A fault of a service must end no program, although Azure would start it again."""
    return [
        f"the program {program.name} has ended"
        for program in system.programs
        if program.process is not None and program.process.poll() is not None
    ]
