"""Instances in flight go on with the code of the day: recorded histories of every released
orchestrator, in every state that it can wait in.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from adapters.local.engine import LocalEngine
from shared import orchestrators, steps
from shared.codec import to_payload
from shared.events import MEDIA_DESCRIBED, MediaDescribed
from shared.orchestrators import ORCHESTRATORS
from shared.ports import InstanceState
from tests.histories.record import SCENARIOS, record
from tests.support.engine import ended
from tests.support.histories import FOLDER, check_orchestrator, load_recordings
from tests.support.instances_in_flight import (
    end_of_state,
    faultless_activities,
    live_children,
    restore,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence
    from pathlib import Path

    from durabletask import task
    from durabletask.task import Orchestrator

    from shared.model import JsonObject

RECORDINGS = load_recordings(FOLDER)
BY_NAME = {it.__name__: it for it in ORCHESTRATORS}


@pytest.mark.parametrize("name", BY_NAME)
def test_an_orchestrator_asks_for_the_steps_that_were_recorded(name: str) -> None:
    told = check_orchestrator(BY_NAME[name], RECORDINGS)
    assert not told, told


def test_every_orchestrator_that_is_registered_was_recorded() -> None:
    recorded = {instance.name for it in RECORDINGS for instance in it.instances}
    assert set(BY_NAME) == recorded, (
        "Record the histories of a new orchestrator before its release, and delete those of one"
        " that is kept no longer; see docs/changing.md."
    )


def test_the_orchestrators_that_are_registered_are_the_newest_and_those_that_are_kept() -> None:
    newest = {steps.PROCESS_SUBMISSION, steps.DESCRIBE_MEDIA}
    kept = {it.name for it in steps.KEPT}
    assert set(BY_NAME) == newest | kept
    assert not newest & kept


def test_an_instance_lives_no_longer_than_its_orchestrator_is_kept() -> None:
    patience = steps.Patience()
    pauses_s = [patience.first_retry_s * 2**n for n in range(patience.attempts - 1)]
    retries_s = sum(min(pause_s, patience.longest_retry_s) for pause_s in pauses_s)
    longest_wish_s = 24 * 3600.0  # what adapters/web/retry_after.py believes at the most
    answers_s = sum(max(delay_s, longest_wish_s) for delay_s in patience.reply_delays_s)
    answers = len(patience.reply_delays_s) + 1
    others = (
        7  # start_description, escalate, classify, report_failed_reply, accepted twice, complete
    )
    longest_s = patience.escalate_after_s + answers_s + (answers + others) * retries_s
    assert longest_s < steps.LONGEST_LIFE.total_seconds()


@pytest.mark.parametrize("comes", [True, False], ids=["described", "not-described"])
async def test_each_state_goes_on_to_its_end_on_the_local_engine(
    comes: bool, tmp_path: Path
) -> None:
    states = restore(tmp_path / "engine.db", RECORDINGS)
    assert len(states) == sum(len(it.waits) for it in RECORDINGS) > 150
    children = [child for state in states.values() for child in live_children(*state)]
    described = children if comes else []
    async with _going_on(tmp_path / "engine.db", ORCHESTRATORS, described) as engine:
        for instance_id, (recording, wait) in states.items():
            instance = await ended(engine, instance_id, within_s=60)
            where = f"{recording.name}: {wait.waits_for}: {instance.failure}"
            assert instance.state is end_of_state(recording, wait), where
            assert "mismatch" not in instance.failure, where


async def test_a_step_more_under_the_same_name_fails_what_is_in_flight(tmp_path: Path) -> None:
    """Which is why the recordings are looked at before a release."""
    states = restore(tmp_path / "engine.db", RECORDINGS[:4])
    changed = [_with_a_step_more("process_submission"), orchestrators.describe_media]
    async with _going_on(tmp_path / "engine.db", changed, []) as engine:
        for instance_id in states:
            instance = await ended(engine, instance_id, within_s=60)
            assert instance.state is InstanceState.FAILED
            assert "mismatch" in instance.failure


@pytest.mark.parametrize("name", [steps.PROCESS_SUBMISSION, steps.DESCRIBE_MEDIA])
def test_a_step_that_is_added_the_wrong_way_is_answered_with_the_right_one(name: str) -> None:
    told = check_orchestrator(_with_a_step_more(name), RECORDINGS)
    assert told.startswith(
        f"This changes the order of steps of {name}, and every instance of it that is in flight"
        " would fail: keep the old function as it was, register the new one as"
        f" {name}_v2, and start only that one; see docs/changing.md."
    )
    assert "asks for [the activity tell_somebody] now" in told


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_recorder_records_what_the_orchestrators_do(name: str) -> None:
    recording = record(name, SCENARIOS[name])
    assert recording.waits
    assert not any(check_orchestrator(it, [recording]) for it in ORCHESTRATORS)


def _with_a_step_more(name: str) -> Orchestrator[Any, Any]:
    """The wrong way: another order of steps under the same name."""

    def changed(ctx: task.OrchestrationContext, payload: JsonObject) -> orchestrators.Steps:
        yield ctx.call_activity("tell_somebody", input=payload)
        return (yield from BY_NAME[name](ctx, payload))

    changed.__name__ = name
    return changed


@asynccontextmanager
async def _going_on(
    path: Path, registered: Iterable[Orchestrator[Any, Any]], described: Sequence[str]
) -> AsyncGenerator[LocalEngine]:
    """An engine that takes up what is in its file; of these children the description is there."""
    engine = LocalEngine.open(path, durability="NORMAL")
    engine.register(registered, faultless_activities(starts_jobs=bool(described)))
    for child in described:
        event = MediaDescribed(job_id=child, status="described", description_blob="d")
        await engine.raise_event(child, name=MEDIA_DESCRIBED, payload=to_payload(event))
    engine.start_worker()
    try:
        yield engine
    finally:
        await engine.stop()
