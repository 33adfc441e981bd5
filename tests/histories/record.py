"""Records what instances of the newest orchestrators look like, in every state they can wait in.

    python -m tests.histories.record

makes the folder of the newest `process_submission`, once: after its release instances like these
are in flight, so nothing is ever recorded over them. The engine is the local one, driven turn by
turn; the activities give what a scenario says, and time passes as soon as nothing else can happen.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, override
from unittest.mock import patch

import durabletask.internal.orchestrator_service_pb2 as pb
from google.protobuf.wrappers_pb2 import StringValue

from adapters.local.durable.backend import DurableBackend
from adapters.local.durable.failures import failure_of
from adapters.local.durable.history_store import HistoryStore
from adapters.local.durable.hub import TaskHub
from adapters.local.durable.open_work import open_work
from adapters.local.durable.turn_runner import TurnRunner
from shared import steps
from shared.codec import to_payload
from shared.errors import ServiceUnavailableError
from shared.events import MEDIA_DESCRIBED, MediaDescribed
from shared.ids import media_instance_id
from shared.model import MediaStatus
from shared.orchestrators import ORCHESTRATORS
from tests.support.histories import (
    FOLDER,
    RecordedInstance,
    Recording,
    Wait,
    end_of,
    write_recording,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import tzinfo

    from durabletask.task import Orchestrator
    from durabletask.testing.in_memory_backend import OrchestrationInstance

    from adapters.local.durable.corrected_backend import ScheduledActivity

SUBMISSION = "mail-5q3zvx2ahd7mcr4kbn6wtyeo8f"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)  # long ago: whoever takes an instance up finds it due
_READERS_OF_THE_CLOCK = (
    "adapters.local.durable.backend",
    "adapters.local.durable.corrected_backend",
    "adapters.local.durable.hub",
    "durabletask.testing.in_memory_backend",
)

FAILS = ServiceUnavailableError("blob storage", "it does not answer")
TIME_PASSES = "time passes"  # in the place of an event
_SENT = steps.ReplyResult(state="sent", at="2026-01-05T09:01:00.000Z")
_BUSY = steps.ReplyResult(state="unavailable", reason="The server reports 503.")
_REFUSED = steps.ReplyResult(state="refused", reason="The server reports 410.")
_PATIENCE = steps.Patience()
_TWO_ATTEMPTS = steps.Patience(attempts=2)  # instead of 30, which are all alike

type Event = MediaDescribed | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens to a submission. `gives` are the results of an activity in turn, then the usual
    one; `events` come when no activity is under way, and after those in `before`.
    """

    says: str
    media: int = 1
    events: Sequence[Event] = ()
    before: Mapping[str, Event] = field(default_factory=dict[str, Event])  # an event meanwhile
    gives: Mapping[str, Sequence[object]] = field(default_factory=dict[str, "Sequence[object]"])
    patience: steps.Patience = _PATIENCE


def described(number: int) -> MediaDescribed:
    """A photo that was described."""
    return MediaDescribed(
        job_id=media_instance_id(SUBMISSION, number),
        status=MediaStatus.DESCRIBED,
        description_blob=f"descriptions/{number:064x}/local-1.json",
    )


def unreadable(number: int) -> MediaDescribed:
    """A photo that nobody can read."""
    job_id = media_instance_id(SUBMISSION, number)
    return MediaDescribed(job_id=job_id, status=MediaStatus.UNREADABLE, reason="It is cut off.")


SCENARIOS: dict[str, Scenario] = {
    "photo_described": Scenario(says="A photo is described and answered.", events=[described(1)]),
    "no_media": Scenario(
        says="A mail without media; no answer is due.",
        media=0,
        gives={steps.REPLY: [steps.ReplyResult(state="none", reason="It asks for none.")]},
    ),
    "photos_one_after_the_other": Scenario(
        says="Of four photos one was described before, one is unreadable; they end in any order.",
        media=4,
        events=[described(3), unreadable(1), described(4)],
        gives={
            steps.START_DESCRIPTION: [
                steps.Started(),
                steps.Started(
                    result=steps.MediaResult(
                        number=2,
                        status=MediaStatus.DESCRIBED,
                        description_blob=described(2).description_blob,
                    )
                ),
            ]
        },
    ),
    "nobody_describes": Scenario(
        says="No description comes in 36 minutes; the desk is told at the third attempt.",
        gives={steps.ESCALATE: [FAILS, FAILS]},
    ),
    "described_while_the_desk_is_told": Scenario(
        says="The description comes after 36 minutes, while the desk is told.",
        events=[TIME_PASSES],
        before={steps.ESCALATE: described(1)},
    ),
    "desk_cannot_be_told": Scenario(
        says="No description comes, and the desk cannot be told.",
        patience=_TWO_ATTEMPTS,
        gives={steps.ESCALATE: [FAILS, FAILS]},
    ),
    "description_starts_late": Scenario(
        says="The description starts at the third attempt; it ends before that is known.",
        before={steps.START_DESCRIPTION: described(1)},
        gives={steps.START_DESCRIPTION: [FAILS, FAILS]},
    ),
    "description_never_starts": Scenario(
        says="The description of one of two photos cannot be started.",
        media=2,
        patience=_TWO_ATTEMPTS,
        events=[described(2)],
        gives={steps.START_DESCRIPTION: [FAILS, steps.Started(), FAILS]},
    ),
    "answer_after_two_tries": Scenario(
        says="The answer's target is busy twice, and asks for an hour the second time.",
        media=0,
        gives={
            steps.REPLY: [
                _BUSY,
                steps.ReplyResult(state="unavailable", reason="Busy.", retry_after_s=3600.0),
                FAILS,  # a fault of ours between two tries
            ]
        },
    ),
    "answer_after_75_hours": Scenario(
        says="The answer's target is not there for 75 hours, the whole schedule.",
        events=[described(1)],
        gives={steps.REPLY: [_BUSY] * (len(steps.REPLY_DELAYS_S) + 1)},
    ),
    "answer_refused": Scenario(
        says="The answer is refused, and nobody can be told.",
        media=0,
        patience=_TWO_ATTEMPTS,
        gives={steps.REPLY: [_REFUSED], steps.REPORT_REPLY: [FAILS, FAILS]},
    ),
    "accepted_is_published_last": Scenario(
        says="The event service is back only after the answer.",
        events=[described(1)],
        gives={steps.PUBLISH_ACCEPTED: [FAILS, FAILS]},
    ),
    "accepted_is_published_after_a_refusal": Scenario(
        says="The answer is refused while the event service is down.",
        media=0,
        gives={steps.REPLY: [_REFUSED], steps.PUBLISH_ACCEPTED: [FAILS, FAILS]},
    ),
    "accepted_is_published_again": Scenario(
        says="The event service is down for hours, and accepted is published again at the end.",
        media=0,
        patience=_TWO_ATTEMPTS,
        gives={steps.PUBLISH_ACCEPTED: [FAILS, FAILS, FAILS]},
    ),
    "accepted_is_never_published": Scenario(
        says="The event service does not come back; the submission is dead-lettered.",
        media=0,
        patience=_TWO_ATTEMPTS,
        gives={steps.PUBLISH_ACCEPTED: [FAILS] * 4},
    ),
    "sorting_keeps_failing": Scenario(
        says="classify keeps failing; the submission is dead-lettered at the second attempt.",
        events=[described(1)],
        patience=_TWO_ATTEMPTS,
        gives={steps.CLASSIFY: [FAILS, FAILS], steps.DEAD_LETTER: [FAILS]},
    ),
    "end_keeps_failing": Scenario(
        says="complete keeps failing, and so does dead_letter.",
        media=0,
        patience=_TWO_ATTEMPTS,
        gives={steps.COMPLETE: [FAILS, FAILS], steps.DEAD_LETTER: [FAILS, FAILS]},
    ),
    "end_after_two_tries": Scenario(
        says="classify and complete each succeed at the second attempt.",
        media=0,
        gives={steps.CLASSIFY: [FAILS], steps.COMPLETE: [FAILS]},
    ),
}

_USUAL: dict[str, object] = {
    steps.START_DESCRIPTION: steps.Started(),
    steps.REPLY: _SENT,
    steps.COMPLETE: steps.Done(),
}


class _Turns(TurnRunner):
    """Keeps how each instance ended."""

    def __init__(self, orchestrators: Sequence[Orchestrator[Any, Any]]) -> None:
        super().__init__()
        self.ends: dict[str, dict[str, Any]] = {}
        for orchestrator in orchestrators:
            self.add_orchestrator(orchestrator)

    @override
    def run_turn(self, request: pb.OrchestratorRequest) -> pb.OrchestratorResponse:
        response = super().run_turn(request)
        for action in response.actions:
            if action.HasField("completeOrchestration"):
                self.ends[request.instanceId] = end_of(action.completeOrchestration)
        return response


class Recorder:
    """One submission on an engine whose time stands still until it has to pass."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.now = _BEGIN
        self._backend = DurableBackend(max_history_events=10_000)
        self._backend.steady.now = lambda: self.now
        self._hub = TaskHub(self._backend, HistoryStore(folder / "engine.db", durability="NORMAL"))
        self._turns = _Turns(ORCHESTRATORS)
        self._scenario = scenario
        self._gives = {name: list(results) for name, results in scenario.gives.items()}
        self._events = list(scenario.events)
        self._before = dict(scenario.before)
        self._under_way: list[ScheduledActivity] = []
        self._instances: dict[str, OrchestrationInstance] = {}
        self._waits: list[Wait] = []

    def record(self, name: str) -> Recording:
        """Let the submission go its way, to its end."""
        self._do(lambda: self._hub.start(self._request()))
        while SUBMISSION not in self._turns.ends:
            if self._under_way:
                self._end_activity(self._under_way.pop(0))
            elif self._events:
                self._raise(self._events.pop(0))
            else:
                self._pass_time()
        self._hub.close()
        instances = tuple(self._recorded(it) for it in self._instances.values())
        return Recording(
            name=name, says=self._scenario.says, instances=instances, waits=tuple(self._waits)
        )

    def _request(self) -> pb.CreateInstanceRequest:
        value = steps.ProcessSubmission(
            submission_id=SUBMISSION,
            media=tuple(range(1, self._scenario.media + 1)),
            patience=self._scenario.patience,
            traceparent=TRACEPARENT,
        )
        return pb.CreateInstanceRequest(
            instanceId=SUBMISSION,
            name=steps.PROCESS_SUBMISSION,
            input=StringValue(value=json.dumps(to_payload(value))),
        )

    def _end_activity(self, activity: ScheduledActivity) -> None:
        if activity.name in self._before:
            self._raise(self._before.pop(activity.name))
        results = self._gives.get(activity.name)
        result = results.pop(0) if results else _USUAL.get(activity.name, steps.Done())
        response = pb.ActivityResponse(instanceId=activity.instance_id, taskId=activity.task_id)
        if isinstance(result, Exception):
            response.failureDetails.CopyFrom(failure_of(result))
            response.failureDetails.ClearField("stackTrace")  # it names folders of this machine
        else:
            response.result.CopyFrom(StringValue(value=json.dumps(to_payload(result))))
        self.now += timedelta(seconds=1)
        self._do(lambda: self._hub.end_activity(activity, response))

    def _raise(self, event: Event) -> None:
        if isinstance(event, str):
            self._pass_time()
            return
        text = json.dumps(to_payload(event))
        self.now += timedelta(seconds=1)
        self._do(lambda: self._hub.raise_event(event.job_id, MEDIA_DESCRIBED, text))

    def _pass_time(self) -> None:
        left = self._backend.until_next_timer()
        if left is None:
            raise RuntimeError(f"{self._scenario.says} It never ends.")
        self.now += max(left, timedelta(0))
        self._do(lambda: None)

    def _do(self, operation: Callable[[], object]) -> None:
        """An operation, and all turns that follow from it; then everybody waits."""
        with self._hub.transaction():
            operation()
            self._hub.run_turns(self._turns, most=1000)
            self._instances |= {it: self._get(it) for it in sorted(self._backend.dirty)}
        self._under_way += self._hub.take_scheduled()
        live = [it for it in self._instances.values() if it.instance_id not in self._turns.ends]
        if live:
            lengths = {key: len(it.history) for key, it in self._instances.items()}
            waits_for = "; ".join(f"{it.name}: {_waits_for(it)}" for it in live)
            self._waits.append(Wait(waits_for=waits_for, lengths=lengths))

    def _get(self, instance_id: str) -> OrchestrationInstance:
        instance = self._backend.get(instance_id)
        assert instance is not None
        return instance

    def _recorded(self, instance: OrchestrationInstance) -> RecordedInstance:
        *history, end = instance.history
        end.executionCompleted.failureDetails.ClearField("stackTrace")  # as in `_end_activity`
        parent = history[1].executionStarted.parentInstance
        return RecordedInstance(
            instance_id=instance.instance_id,
            name=instance.name,
            parent=parent.orchestrationInstance.instanceId,
            parent_task=parent.taskScheduledId,
            history=(*history, end),
            end=self._turns.ends[instance.instance_id],
        )


def _waits_for(instance: OrchestrationInstance) -> str:
    work = open_work(instance.history)
    activities = [event.taskScheduled.name for event in work.activities.values()]
    timers = [f"until {it.timerCreated.fireAt.ToJsonString()}" for it in work.timers.values()]
    return ", ".join(activities + timers) or "its children"


def record(name: str, scenario: Scenario) -> Recording:
    """The recording of a scenario."""

    class Standing(datetime):
        @override
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            moment = recorder.now
            return cls.fromtimestamp(moment.timestamp(), tz)

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        recorder = Recorder(Path(folder), scenario)
        for module in _READERS_OF_THE_CLOCK:
            stack.enter_context(patch(f"{module}.datetime", Standing))
        return recorder.record(name)


def main() -> None:
    """Make the folder of the newest orchestrator."""
    folder = FOLDER / steps.PROCESS_SUBMISSION
    if folder.exists():
        sys.exit(
            f"{folder} exists. What was released is never recorded again; before the release,"
            " delete the folder and record it."
        )
    for name, scenario in SCENARIOS.items():
        recording = record(f"{folder.name}/{name}", scenario)
        write_recording(recording, folder / f"{name}.json")
        sys.stdout.write(f"{recording.name}: {len(recording.waits)} waits. {recording.says}\n")


if __name__ == "__main__":
    main()
