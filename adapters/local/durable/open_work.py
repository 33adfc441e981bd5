"""What a history still waits for: read after a restart, when nothing but the history is left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import durabletask.internal.orchestrator_service_pb2 as pb


@dataclass(frozen=True, slots=True)
class OpenWork:
    """The activities and timers without a result: the events that asked for them, by event ID."""

    activities: dict[int, pb.HistoryEvent] = field(default_factory=dict[int, "pb.HistoryEvent"])
    timers: dict[int, pb.HistoryEvent] = field(default_factory=dict[int, "pb.HistoryEvent"])


def open_work(events: Iterable[pb.HistoryEvent]) -> OpenWork:
    """Follow the events in order. A retried activity is scheduled again under the same event ID, so
    an ID that was closed may open again.
    """
    work = OpenWork()
    for event in events:
        match event.WhichOneof("eventType"):
            case "taskScheduled":
                work.activities[event.eventId] = event
            case "taskCompleted":
                work.activities.pop(event.taskCompleted.taskScheduledId, None)
            case "taskFailed":
                work.activities.pop(event.taskFailed.taskScheduledId, None)
            case "timerCreated":
                work.timers[event.eventId] = event
            case "timerFired":
                work.timers.pop(event.timerFired.timerId, None)
            case _:
                pass
    return work
