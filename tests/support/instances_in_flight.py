"""Instances in flight, made of recordings: put into the store of a local engine, and helped on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.testing.in_memory_backend import OrchestrationInstance

from adapters.local.durable.corrected_backend import Parent
from adapters.local.durable.history_store import HistoryStore
from shared import steps
from shared.codec import to_payload
from shared.model import MediaStatus
from shared.ports import InstanceState
from tests.support.histories import renamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shared.model import JsonObject
    from tests.support.engine import Activity
    from tests.support.histories import RecordedInstance, Recording, Wait

_RECORDED_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


def restore(path: Path, recordings: Iterable[Recording]) -> dict[str, tuple[Recording, Wait]]:
    """Write every state of every recording into an engine's file, each as a submission of its own;
    the IDs, and of which state each is.
    """
    restored: dict[str, tuple[Recording, Wait]] = {}
    store = HistoryStore(path, durability="NORMAL")
    with store.transaction():
        for recording, wait in states_of(recordings):
            for instance in recording.instances:
                if _is_live(instance, wait):
                    _save(store, instance, wait.lengths[instance.instance_id])
            restored[recording.instances[0].instance_id] = recording, wait
    store.close()
    return restored


def states_of(recordings: Iterable[Recording]) -> Iterator[tuple[Recording, Wait]]:
    """Every state, with the recording under an ID that no other state has."""
    number = 0
    for recording in recordings:
        submission_id = recording.instances[0].instance_id
        for place in range(len(recording.waits)):
            number += 1
            state = renamed(recording, submission_id, f"mail-{number:026}")
            yield state, state.waits[place]


def live_children(recording: Recording, wait: Wait) -> list[str]:
    """The children of a submission that have not ended."""
    return [it.instance_id for it in recording.instances[1:] if _is_live(it, wait)]


def end_of_state(recording: Recording, wait: Wait) -> InstanceState:
    """How a submission ends that goes on without a fault: one that was given up stays so."""
    root = recording.instances[0]
    history = root.history[: wait.lengths[root.instance_id]]
    given_up = any(event.taskScheduled.name == steps.DEAD_LETTER for event in history)
    return InstanceState.FAILED if given_up else InstanceState.COMPLETED


def faultless_activities(*, starts_jobs: bool) -> dict[str, Activity]:
    """All activities, and none fails. Where no job is started, the desk has the media items."""

    async def done(payload: JsonObject) -> JsonObject:
        del payload
        return to_payload(steps.Done())

    async def start_description(payload: JsonObject) -> JsonObject:
        at_once = steps.MediaResult(number=payload["number"], status=MediaStatus.ESCALATED)
        return to_payload(steps.Started(result=None if starts_jobs else at_once))

    async def reply(payload: JsonObject) -> JsonObject:
        del payload
        return to_payload(steps.ReplyResult(state="sent", at="2026-01-09T09:00:00.000Z"))

    names = (steps.PUBLISH_ACCEPTED, steps.ESCALATE, steps.CLASSIFY, steps.COMPLETE)
    quiet = dict.fromkeys((*names, steps.REPORT_REPLY, steps.DEAD_LETTER), done)
    return {**quiet, steps.START_DESCRIPTION: start_description, steps.REPLY: reply}


def _is_live(instance: RecordedInstance, wait: Wait) -> bool:
    return wait.lengths[instance.instance_id] < len(instance.history)


def _save(store: HistoryStore, instance: RecordedInstance, length: int) -> None:
    state = OrchestrationInstance(
        instance_id=instance.instance_id,
        name=instance.name,
        status=pb.ORCHESTRATION_STATUS_RUNNING,
        created_at=_RECORDED_AT,
        last_updated_at=_RECORDED_AT,
        history=list(instance.history[:length]),
    )
    parent = Parent(instance.parent, instance.parent_task) if instance.parent else None
    store.save(state, parent, rewritten=False)
