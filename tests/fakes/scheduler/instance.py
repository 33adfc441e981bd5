"""An orchestration: what it has done, what it has still to hear, what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import durabletask.internal.orchestrator_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from datetime import datetime

ENDED = frozenset(
    {
        pb.ORCHESTRATION_STATUS_COMPLETED,
        pb.ORCHESTRATION_STATUS_FAILED,
        pb.ORCHESTRATION_STATUS_TERMINATED,
    }
)


@dataclass(frozen=True, slots=True)
class Parent:
    """Who waits for a sub-orchestration, and the event ID that it waits with."""

    instance_id: str
    task_id: int


@dataclass(slots=True, kw_only=True)
class Instance:
    """One execution under an ID. `inbox` holds the events that no turn has heard yet; `runs` and
    `timers` are the events that asked for an activity or a timer and have no answer, by event ID.
    """

    state: pb.OrchestrationState
    parent: Parent | None = None
    trace: pb.OrchestrationTraceContext = field(default_factory=pb.OrchestrationTraceContext)
    history: list[pb.HistoryEvent] = field(default_factory=list[pb.HistoryEvent])
    inbox: list[pb.HistoryEvent] = field(default_factory=list[pb.HistoryEvent])
    runs: dict[int, pb.HistoryEvent] = field(default_factory=dict[int, pb.HistoryEvent])
    timers: dict[int, pb.HistoryEvent] = field(default_factory=dict[int, pb.HistoryEvent])
    stored: int = 0  # how many events of the history are in the file

    @property
    def id(self) -> str:
        """The instance ID."""
        return self.state.instanceId

    @property
    def has_ended(self) -> bool:
        """Whether it is completed, failed or terminated."""
        return self.state.orchestrationStatus in ENDED


def timestamp(moment: datetime) -> Timestamp:
    """A time as the protocol writes it."""
    written = Timestamp()
    written.FromDatetime(moment)
    return written


def event(now: datetime, event_id: int = -1, **what: Any) -> pb.HistoryEvent:
    """An event of a history; `what` is the one field of `pb.HistoryEvent` that it is about."""
    return pb.HistoryEvent(eventId=event_id, timestamp=timestamp(now), **what)
