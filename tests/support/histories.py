"""Recorded histories of orchestrations: how they are kept, and whether an orchestrator still does
what it did when they were recorded.

An engine replays an instance in flight with the code of the day, and fails it where that code asks
for another step than the history holds.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import durabletask.internal.orchestrator_service_pb2 as pb
from google.protobuf.json_format import MessageToDict, ParseDict

from adapters.local.durable.turn_runner import TurnRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from durabletask.task import Orchestrator

    from shared.model import JsonObject

    type RunTurn = Callable[[pb.OrchestratorRequest], pb.OrchestratorResponse]

FOLDER = Path(__file__).parents[1] / "histories"

_ASKED = frozenset({"taskScheduled", "timerCreated", "subOrchestrationInstanceCreated"})
_TURN_ENDS = frozenset({"orchestratorCompleted", "executionCompleted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedInstance:
    """One instance from its start to its end. `end` is how it ended: status, output, failure."""

    instance_id: str
    name: str
    parent: str
    parent_task: int
    history: tuple[pb.HistoryEvent, ...]
    end: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A moment at which nothing happens by itself: for what each live instance waits then, and how
    many events of each one's history there are.
    """

    waits_for: str
    lengths: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A submission with its media items, and every moment in which it can be found."""

    name: str
    says: str
    instances: tuple[RecordedInstance, ...]
    waits: tuple[Wait, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that an orchestrator asks for: an activity, a timer, a child, its end."""

    id: int
    kind: str
    name: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What an orchestrator hears at once, and what it asked for then when it was recorded."""

    instance: RecordedInstance
    number: int
    request: pb.OrchestratorRequest
    asked: tuple[Step, ...]


def load_recordings(folder: Path) -> list[Recording]:
    """All recordings below a folder, in the order of their names."""
    return [_from_json(file) for file in sorted(folder.glob("process_submission*/*.json"))]


def write_recording(recording: Recording, file: Path) -> None:
    """Write it so that people can read it: one event a line."""
    parts = [
        f' "says": {json.dumps(recording.says)}',
        _lines(
            "waits",
            [{"waits_for": it.waits_for, "lengths": it.lengths} for it in recording.waits],
        ),
        *(_lines(f"instance {n}", _rows(it)) for n, it in enumerate(recording.instances)),
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


def check_orchestrator(
    orchestrator: Orchestrator[Any, Any], recordings: Iterable[Recording]
) -> str:
    """Replay all that was recorded of an orchestrator: nothing, or what it does otherwise now and
    what to do about it.
    """
    runner = TurnRunner()
    runner.add_orchestrator(orchestrator)
    name = orchestrator.__name__
    for recording in recordings:
        for instance in recording.instances:
            if instance.name == name:
                found = first_deviation(turns_of(instance), runner.run_turn)
                if found:
                    return advice(name, recording.name, found)
    return ""


def advice(name: str, recording: str, deviation: str) -> str:
    """What whoever has changed an orchestrator is told."""
    return (
        f"This changes the order of steps of {name}, and every instance of it that is in flight"
        f" would fail: keep the old function as it was, register the new one as"
        f" {_next_name(name)}, and start only that one; see docs/changing.md."
        f" In tests/histories/{recording}.json, {deviation}."
    )


def first_deviation(turns: Iterable[Turn], run_turn: RunTurn) -> str:
    """The first turn in which an orchestrator asks for something else, in words; or nothing."""
    for turn in turns:
        asks = [_of_action(action) for action in run_turn(turn.request).actions]
        if len(asks) != len(turn.asked) or not all(map(_covers, asks, turn.asked)):
            return (
                f"turn {turn.number} of {turn.instance.instance_id} asked for"
                f" [{_words(turn.asked)}], and asks for [{_words(asks)}] now"
            )
    return ""


def turns_of(instance: RecordedInstance) -> Iterator[Turn]:
    """Its turns. Each begins with an orchestratorStarted, then comes what was heard, then what was
    asked for.
    """
    history = instance.history
    starts = [n for n, event in enumerate(history) if event.HasField("orchestratorStarted")]
    for number, (start, stop) in enumerate(zip(starts, [*starts[1:], len(history)], strict=True)):
        events = history[start:stop]
        heard = list(takewhile(lambda event: _kind(event) not in _ASKED | _TURN_ENDS, events))
        asked = [_of_event(event) for event in events if _kind(event) in _ASKED]
        if stop == len(history):
            asked.append(_of_end(instance.end))
        yield Turn(
            instance=instance,
            number=number + 1,
            request=pb.OrchestratorRequest(
                instanceId=instance.instance_id, pastEvents=history[:start], newEvents=heard
            ),
            asked=tuple(asked),
        )


def renamed(recording: Recording, old_id: str, new_id: str) -> Recording:
    """The same recording of another submission, so that an engine can hold both."""
    text = json.dumps([_rows(instance) for instance in recording.instances])
    waits = [
        Wait(
            waits_for=wait.waits_for,
            lengths={key.replace(old_id, new_id): n for key, n in wait.lengths.items()},
        )
        for wait in recording.waits
    ]
    rows: list[list[JsonObject]] = json.loads(text.replace(old_id, new_id))
    return Recording(
        name=recording.name,
        says=recording.says,
        instances=tuple(map(_from_rows, rows)),
        waits=tuple(waits),
    )


def _from_json(file: Path) -> Recording:
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return Recording(
        name=f"{file.parent.name}/{file.stem}",
        says=content["says"],
        instances=tuple(
            _from_rows(rows) for key, rows in content.items() if key.startswith("instance ")
        ),
        waits=tuple(Wait(**wait) for wait in content["waits"]),
    )


def _lines(key: str, rows: Sequence[JsonObject]) -> str:
    lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows)
    return f' "{key}": [\n{lines}\n ]'


def _rows(instance: RecordedInstance) -> list[JsonObject]:
    head = {
        "instance_id": instance.instance_id,
        "name": instance.name,
        "parent": instance.parent,
        "parent_task": instance.parent_task,
        "end": instance.end,
    }
    return [head, *(MessageToDict(event) for event in instance.history)]


def _from_rows(rows: Sequence[JsonObject]) -> RecordedInstance:
    head, *events = rows
    history = tuple(ParseDict(event, pb.HistoryEvent()) for event in events)
    return RecordedInstance(history=history, **head)


def _kind(event: pb.HistoryEvent) -> str:
    return event.WhichOneof("eventType") or ""


def _of_event(event: pb.HistoryEvent) -> Step:
    match _kind(event):
        case "taskScheduled":
            task = event.taskScheduled
            return _activity(event.eventId, task.name, task.input.value)
        case "timerCreated":
            fire_at = event.timerCreated.fireAt.ToJsonString()
            return Step(id=event.eventId, kind="a timer for", name=fire_at)
        case "subOrchestrationInstanceCreated":
            child = event.subOrchestrationInstanceCreated
            return _child(event.eventId, child.name, child.instanceId, child.input.value)
        case kind:
            raise ValueError(f"an orchestrator asks for no {kind}")


def _of_action(action: pb.OrchestratorAction) -> Step:
    match action.WhichOneof("orchestratorActionType"):
        case "scheduleTask":
            task = action.scheduleTask
            return _activity(action.id, task.name, task.input.value)
        case "createTimer":
            fire_at = action.createTimer.fireAt.ToJsonString()
            return Step(id=action.id, kind="a timer for", name=fire_at)
        case "createSubOrchestration":
            child = action.createSubOrchestration
            return _child(action.id, child.name, child.instanceId, child.input.value)
        case "completeOrchestration":
            return _of_end(end_of(action.completeOrchestration))
        case kind:
            return Step(id=action.id, kind=f"a step of another kind, {kind}", name="")


def end_of(action: pb.CompleteOrchestrationAction) -> JsonObject:
    """How an instance ends."""
    status = pb.OrchestrationStatus.Name(action.orchestrationStatus)
    return {
        "status": status.removeprefix("ORCHESTRATION_STATUS_").lower(),
        "output": json.loads(action.result.value or "null"),
        "failure": action.failureDetails.errorMessage,
    }


def _activity(task_id: int, name: str, value: str) -> Step:
    return Step(id=task_id, kind="the activity", name=name, value=json.loads(value))


def _child(task_id: int, name: str, instance_id: str, value: str) -> Step:
    called = f"{name} as {instance_id}"
    return Step(id=task_id, kind="the orchestrator", name=called, value=json.loads(value))


def _of_end(end: JsonObject) -> Step:
    why = f" ({end['failure']})" if end["failure"] else ""
    return Step(id=0, kind="its end,", name=f"{end['status']}{why}", value=end["output"])


def _covers(now: Step, then: Step) -> bool:
    """Whether a step is the one that was recorded. A value may have gained fields."""
    same = (now.id, now.kind, now.name) == (then.id, then.kind, then.name)
    return same and holds(now.value, then.value)


def holds(now: Any, then: Any) -> bool:
    """Whether a JSON value has all that another one has."""
    if isinstance(now, dict) and isinstance(then, dict):
        fields, older = cast("JsonObject", now), cast("JsonObject", then)
        return all(key in fields and holds(fields[key], older[key]) for key in older)
    if isinstance(now, list) and isinstance(then, list):
        items, others = cast("list[Any]", now), cast("list[Any]", then)
        return len(items) == len(others) and all(map(holds, items, others))
    return now == then


def _words(steps: Iterable[Step]) -> str:
    return ", ".join(str(step) for step in steps)


def _next_name(name: str) -> str:
    found = re.fullmatch(r"(.+)_v(\d+)", name)
    return f"{found[1]}_v{int(found[2]) + 1}" if found else f"{name}_v2"
