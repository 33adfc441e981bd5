"""Instances as rows and back. Histories are durabletask's protobuf messages, as on its wire."""

from __future__ import annotations

from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.testing.in_memory_backend import OrchestrationInstance

from adapters.local.durable.corrected_backend import Parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

type Row = tuple[Any, ...]
"""The columns of the table `instances`, in their order."""

_PREFIX = "ORCHESTRATION_STATUS_"


def to_chunk(events: Iterable[pb.HistoryEvent]) -> bytes:
    """Events as one value."""
    return pb.HistoryChunk(events=events).SerializeToString()


def from_chunk(chunk: bytes) -> list[pb.HistoryEvent]:
    """Undo `to_chunk`; raises google.protobuf.message.DecodeError."""
    return list(pb.HistoryChunk.FromString(chunk).events)


def to_row(instance: OrchestrationInstance, parent: Parent | None) -> Row:
    """An instance, without its history."""
    failure = instance.failure_details
    return (
        instance.instance_id,
        instance.name,
        status_name(instance.status),
        parent.instance_id if parent else None,
        parent.task_id if parent else None,
        instance.created_at.isoformat(),
        instance.last_updated_at.isoformat(),
        instance.completed_at.isoformat() if instance.completed_at else None,
        instance.output,
        failure.SerializeToString() if failure else None,
        to_chunk(instance.pending_events),
    )


def from_row(
    row: Row, history: Sequence[pb.HistoryEvent]
) -> tuple[OrchestrationInstance, Parent | None]:
    """An instance that has not ended; raises ValueError or DecodeError when the row is none."""
    instance_id, name, status, parent, parent_task, created_at, updated_at = row[:7]
    pending = from_chunk(row[10])
    started = next(
        event.executionStarted
        for event in chain(history, pending)
        if event.HasField("executionStarted")
    )
    instance = OrchestrationInstance(
        instance_id=instance_id,
        name=name,
        status=getattr(pb, _PREFIX + status.upper()),
        version=started.version.value if started.HasField("version") else None,
        input=started.input.value,
        created_at=datetime.fromisoformat(created_at),
        last_updated_at=datetime.fromisoformat(updated_at),
        history=list(history),
        pending_events=pending,
    )
    return instance, Parent(parent, parent_task) if parent else None


def status_name(status: pb.OrchestrationStatus) -> str:
    """A status as `shared.ports.InstanceState` writes it."""
    return pb.OrchestrationStatus.Name(status).removeprefix(_PREFIX).lower()


def failure_message(failure: bytes | None) -> str:
    """Why an instance failed, or nothing."""
    return pb.TaskFailureDetails.FromString(failure).errorMessage if failure else ""
