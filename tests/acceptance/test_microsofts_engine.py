"""Our orchestrators on Microsoft's own engine: what is in flight goes on when the worker is
replaced, and fails when an order of steps was changed under its name.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from shared import orchestrators, steps
from shared.codec import to_payload
from shared.errors import ServiceUnavailableError
from shared.events import MEDIA_DESCRIBED, MediaDescribed
from shared.model import MediaStatus
from shared.orchestrators import ORCHESTRATORS
from shared.ports import InstanceState
from tests.support.engine import ended, raised
from tests.support.hub_worker import hub_engine, hub_worker
from tests.support.instances_in_flight import faultless_activities
from tests.support.microsofts_engine import microsofts_engine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

    from durabletask import task
    from durabletask.task import Orchestrator

    from shared.model import JsonObject
    from shared.ports import Engine, Instance
    from tests.support.engine import Activity
    from tests.support.microsofts_engine import MicrosoftsEngine

QUICK = steps.Patience(
    escalate_after_s=0.5,
    first_retry_s=0.2,
    longest_retry_s=1.0,
    attempts=100,
    reply_delays_s=(0.2, 0.2, 3.0),
)
UNHURRIED = replace(QUICK, escalate_after_s=600.0)

_BEFORE_DESCRIBED = {steps.PUBLISH_ACCEPTED, MEDIA_DESCRIBED, steps.START_DESCRIPTION}

# Each kept older orchestrator has instances in flight too.
STARTED = (steps.PROCESS_SUBMISSION, *(it.name for it in steps.KEPT if "submission" in it.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """A submission, by the activity that has no success before the worker is replaced."""

    stuck_at: str
    media: int = 1
    patience: steps.Patience = UNHURRIED
    calls: int = 1  # of that activity, before it counts as stuck


STATES = {
    "accepted": InFlight(stuck_at=steps.PUBLISH_ACCEPTED),
    "starting": InFlight(stuck_at=steps.START_DESCRIPTION),
    "described-in-part": InFlight(stuck_at=MEDIA_DESCRIBED, media=3, calls=0),
    "escalating": InFlight(stuck_at=steps.ESCALATE, patience=QUICK),
    "sorting": InFlight(stuck_at=steps.CLASSIFY),
    "answering": InFlight(stuck_at=steps.REPLY, calls=2),
    "ending": InFlight(stuck_at=steps.COMPLETE),
}


@pytest.fixture(scope="module")
def peer() -> Iterator[MicrosoftsEngine]:
    with microsofts_engine() as engine:
        yield engine


async def test_instances_in_flight_go_on_with_the_code_of_the_day(peer: MicrosoftsEngine) -> None:
    instances = await _replace_worker(peer, ORCHESTRATORS, "good", tuple(STATES))
    assert [it.failure for it in instances] == [""] * len(instances)
    assert {it.state for it in instances} == {InstanceState.COMPLETED}


async def test_instances_in_flight_fail_with_a_step_more_under_the_same_name(
    peer: MicrosoftsEngine,
) -> None:
    def process_submission(
        ctx: task.OrchestrationContext, payload: JsonObject
    ) -> orchestrators.Steps:
        yield ctx.call_activity("tell_somebody", input=payload)
        return (yield from orchestrators.process_submission(ctx, payload))

    changed = [process_submission, orchestrators.describe_media]
    instances = await _replace_worker(peer, changed, "changed", ("starting", "sorting"))
    assert all("mismatch" in it.failure for it in instances), [it.failure for it in instances]


async def _replace_worker(
    peer: MicrosoftsEngine,
    registered: Sequence[Orchestrator[Any, Any]],
    label: str,
    states: Sequence[str],
) -> list[Instance]:
    """Begin a submission for each of these states with one worker, and end all with another."""
    faultless = faultless_activities(starts_jobs=True)
    async with (
        _in_flight(peer, label, states) as (engine, ids),
        hub_worker(peer.endpoint, registered, faultless),
    ):
        for instance_id, state in ids.items():
            if state.stuck_at in _BEFORE_DESCRIBED:
                await _describe(engine, instance_id, state.media)
        return [await ended(engine, it, within_s=60) for it in ids]


@dataclass(slots=True)
class Stuck:
    """Activities of which each fails for the submission that is to be stuck there."""

    ids: Mapping[str, InFlight]
    calls: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))

    def all(self) -> dict[str, Activity]:
        """By name."""
        faultless = faultless_activities(starts_jobs=True)
        return {name: self._or_stuck(name, faultless[name]) for name in faultless}

    def _or_stuck(self, name: str, activity: Activity) -> Activity:
        async def run(payload: JsonObject) -> JsonObject:
            instance_id = payload.get("submission_id") or payload["job_id"].partition(":")[0]
            if self.ids[instance_id].stuck_at != name:
                return await activity(payload)
            self.calls[instance_id] += 1
            if name == steps.REPLY:
                return to_payload(steps.ReplyResult(state="unavailable", reason="Busy."))
            raise ServiceUnavailableError(name)

        return run

    async def wait_for(self, instance_id: str) -> None:
        """Until an instance is where it is to be."""
        async with asyncio.timeout(60):
            while self.calls[instance_id] < self.ids[instance_id].calls:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def _in_flight(
    peer: MicrosoftsEngine, label: str, states: Sequence[str]
) -> AsyncGenerator[tuple[Engine, dict[str, InFlight]]]:
    """Instances that an older worker has begun and left in each state."""
    ids = {f"{label}-{name}-{n}": STATES[name] for name in states for n in range(len(STARTED))}
    stuck = Stuck(ids)
    async with hub_engine(peer.endpoint) as engine:
        async with hub_worker(peer.endpoint, ORCHESTRATORS, stuck.all()):
            for instance_id, state in ids.items():
                await _start(engine, instance_id, state)
            for instance_id, state in ids.items():
                if state.stuck_at in {steps.CLASSIFY, steps.REPLY, steps.COMPLETE}:
                    await _describe(engine, instance_id, state.media)
                elif state.stuck_at == MEDIA_DESCRIBED:
                    await _describe(engine, instance_id, 1)
                    await ended(engine, f"{instance_id}:1")
            for instance_id in ids:
                await stuck.wait_for(instance_id)
        yield engine, ids


async def _start(engine: Engine, instance_id: str, state: InFlight) -> None:
    request = steps.ProcessSubmission(
        submission_id=instance_id,
        media=tuple(range(1, state.media + 1)),
        patience=state.patience,
    )
    name = STARTED[int(instance_id.rpartition("-")[2])]
    assert await engine.start(name, instance_id=instance_id, payload=to_payload(request))


async def _describe(engine: Engine, instance_id: str, media: int) -> None:
    for number in range(1, media + 1):
        job_id = f"{instance_id}:{number}"
        event = MediaDescribed(
            job_id=job_id, status=MediaStatus.DESCRIBED, description_blob="descriptions/d"
        )
        payload: dict[str, Any] = to_payload(event)
        await raised(engine, job_id, MEDIA_DESCRIBED, payload)
