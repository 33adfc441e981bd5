"""The end of a turn: its events become history, and what the orchestrator asked for is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import durabletask.internal.orchestrator_service_pb2 as pb

from tests.fakes.scheduler.instance import Instance, Parent, event, timestamp
from tests.fakes.scheduler.work import Run

if TYPE_CHECKING:
    from tests.fakes.scheduler.hub import Hub
    from tests.fakes.scheduler.work import Turn


def end_turn(hub: Hub, turn: Turn, response: pb.OrchestratorResponse) -> None:
    """Take the answer of an orchestrator."""
    instance, state = turn.instance, turn.instance.state
    heard = instance.inbox[: turn.heard]
    del instance.inbox[: turn.heard]
    instance.history += (turn.started, *heard)
    if response.HasField("customStatus"):
        state.customStatus.CopyFrom(response.customStatus)
    if response.HasField("orchestrationTraceContext"):
        instance.trace.CopyFrom(response.orchestrationTraceContext)
    state.orchestrationStatus = _status(state.orchestrationStatus, heard)
    for action in response.actions:
        _do(hub, instance, action)
    hub.changed(instance)
    hub.work.want_turn(instance)


def _status(before: pb.OrchestrationStatus, heard: list[pb.HistoryEvent]) -> pb.OrchestrationStatus:
    status = (
        pb.ORCHESTRATION_STATUS_RUNNING if before == pb.ORCHESTRATION_STATUS_PENDING else before
    )
    for each in heard:
        if each.HasField("executionSuspended"):
            status = pb.ORCHESTRATION_STATUS_SUSPENDED
        elif each.HasField("executionResumed"):
            status = pb.ORCHESTRATION_STATUS_RUNNING
    return status


def _do(hub: Hub, instance: Instance, action: pb.OrchestratorAction) -> None:
    match action.WhichOneof("orchestratorActionType"):
        case "scheduleTask":
            _schedule(hub, instance, action.id, action.scheduleTask)
        case "createTimer":
            _create_timer(hub, instance, action.id, action.createTimer)
        case "createSubOrchestration":
            _create_child(hub, instance, action.id, action.createSubOrchestration)
        case "sendEvent":
            _send_event(hub, instance, action.id, action.sendEvent)
        case "completeOrchestration":
            _complete(hub, instance, action.completeOrchestration)
        case other:
            details = _failure("NotSupported", f"This hub does not do {other}.")
            _end(hub, instance, pb.ORCHESTRATION_STATUS_FAILED, failureDetails=details)


def _schedule(hub: Hub, instance: Instance, task_id: int, asked: pb.ScheduleTaskAction) -> None:
    scheduled = event(
        hub.clock.now(),
        task_id,
        taskScheduled=pb.TaskScheduledEvent(
            name=asked.name,
            version=asked.version if asked.HasField("version") else None,
            input=asked.input if asked.HasField("input") else None,
            parentTraceContext=(
                asked.parentTraceContext if asked.HasField("parentTraceContext") else None
            ),
            tags=asked.tags,
        ),
    )
    instance.history.append(scheduled)
    instance.runs[task_id] = scheduled
    hub.work.want_run(Run(instance, scheduled))


def _create_timer(hub: Hub, instance: Instance, timer_id: int, asked: pb.CreateTimerAction) -> None:
    created = event(
        hub.clock.now(), timer_id, timerCreated=pb.TimerCreatedEvent(fireAt=asked.fireAt)
    )
    instance.history.append(created)
    instance.timers[timer_id] = created
    hub.arm(instance, created)


def _create_child(
    hub: Hub, instance: Instance, task_id: int, asked: pb.CreateSubOrchestrationAction
) -> None:
    trace = asked.parentTraceContext if asked.HasField("parentTraceContext") else None
    given: dict[str, Any] = {
        "name": asked.name,
        "version": asked.version if asked.HasField("version") else None,
        "input": asked.input if asked.HasField("input") else None,
        "tags": asked.tags,
    }
    created = pb.SubOrchestrationInstanceCreatedEvent(
        instanceId=asked.instanceId, parentTraceContext=trace, **given
    )
    now = hub.clock.now()
    instance.history.append(event(now, task_id, subOrchestrationInstanceCreated=created))
    if hub.is_live(asked.instanceId):
        reason = f"The instance {asked.instanceId} exists and has not ended."
        failed = pb.ExecutionCompletedEvent(
            orchestrationStatus=pb.ORCHESTRATION_STATUS_FAILED,
            failureDetails=_failure("AlreadyExists", reason),
        )
        _tell_parent(hub, Parent(instance.id, task_id), failed)
        return
    parent = pb.ParentInstanceInfo(
        taskScheduledId=task_id,
        name={"value": instance.state.name},
        orchestrationInstance=pb.OrchestrationInstance(instanceId=instance.id),
    )
    request = pb.CreateInstanceRequest(
        instanceId=asked.instanceId, parentTraceContext=trace, **given
    )
    hub.create(request, parent)


def _send_event(hub: Hub, instance: Instance, event_id: int, asked: pb.SendEventAction) -> None:
    target = asked.instance.instanceId
    sent = pb.EventSentEvent(
        instanceId=target, name=asked.name, input=asked.data if asked.HasField("data") else None
    )
    instance.history.append(event(hub.clock.now(), event_id, eventSent=sent))
    hub.tell(target, eventRaised=pb.EventRaisedEvent(name=asked.name, input=sent.input))


def _complete(hub: Hub, instance: Instance, asked: pb.CompleteOrchestrationAction) -> None:
    if asked.orchestrationStatus == pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
        _continue_as_new(hub, instance, asked)
        return
    _end(
        hub,
        instance,
        asked.orchestrationStatus,
        result=asked.result if asked.HasField("result") else None,
        failureDetails=asked.failureDetails if asked.HasField("failureDetails") else None,
    )


def _end(hub: Hub, instance: Instance, status: pb.OrchestrationStatus, **result: Any) -> None:
    now, state = hub.clock.now(), instance.state
    completed = pb.ExecutionCompletedEvent(orchestrationStatus=status, **result)
    instance.history.append(event(now, executionCompleted=completed))
    state.orchestrationStatus = status
    state.completedTimestamp.CopyFrom(timestamp(now))
    if completed.HasField("result"):
        state.output.CopyFrom(completed.result)
    if completed.HasField("failureDetails"):
        state.failureDetails.CopyFrom(completed.failureDetails)
    instance.inbox.clear()
    instance.runs.clear()
    instance.timers.clear()
    if instance.parent:
        _tell_parent(hub, instance.parent, completed)


def _continue_as_new(hub: Hub, instance: Instance, asked: pb.CompleteOrchestrationAction) -> None:
    """Begin anew, with what was carried over and what has not been heard yet."""
    first = instance.history[1].executionStarted
    started = pb.ExecutionStartedEvent()
    started.CopyFrom(first)
    started.input.CopyFrom(asked.result)
    if asked.HasField("newVersion"):
        started.version.CopyFrom(asked.newVersion)
    unheard = instance.inbox
    hub.begin(instance, started)
    instance.inbox += (*asked.carryoverEvents, *unheard)


def _tell_parent(hub: Hub, parent: Parent, completed: pb.ExecutionCompletedEvent) -> None:
    if completed.orchestrationStatus == pb.ORCHESTRATION_STATUS_COMPLETED:
        done = pb.SubOrchestrationInstanceCompletedEvent(
            taskScheduledId=parent.task_id,
            result=completed.result if completed.HasField("result") else None,
        )
        hub.tell(parent.instance_id, subOrchestrationInstanceCompleted=done)
        return
    details = (
        completed.failureDetails
        if completed.HasField("failureDetails")
        else _failure("Terminated", "The sub-orchestration was terminated.")
    )
    failed = pb.SubOrchestrationInstanceFailedEvent(
        taskScheduledId=parent.task_id, failureDetails=details
    )
    hub.tell(parent.instance_id, subOrchestrationInstanceFailed=failed)


def _failure(kind: str, message: str) -> pb.TaskFailureDetails:
    return pb.TaskFailureDetails(errorType=kind, errorMessage=message, isNonRetriable=True)
