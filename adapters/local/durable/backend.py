"""The instances that have not ended: what each has heard, what it waits for, whose turn it is.

Instances that have ended live in the store only (history_store.py); the hub moves them there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers as ph

from adapters.local.durable.corrected_backend import (
    START,
    CorrectedBackend,
    Parent,
    ScheduledActivity,
)
from adapters.local.durable.failures import with_message
from adapters.local.durable.open_work import open_work
from adapters.local.durable.timers import Timer

if TYPE_CHECKING:
    from collections.abc import Set

    import grpc
    from durabletask.testing.in_memory_backend import OrchestrationInstance

_NO_CALL = cast("grpc.ServicerContext", None)  # durabletask only refuses with it: we look before


class DurableBackend(CorrectedBackend):
    """Driven by one thread: no method waits, and no turn overlaps another one."""

    def __init__(self, *, max_history_events: int) -> None:
        super().__init__()
        self._most_events = max_history_events
        self._later: dict[str, datetime] = {}  # instances that are to start at a time yet to come

    def get(self, instance_id: str) -> OrchestrationInstance | None:
        """The instance, unless it has ended or never was."""
        return self._instances.get(instance_id)

    def is_live(self, instance_id: str) -> bool:
        """Whether the instance is in memory."""
        return instance_id in self._instances

    def start_instance(self, request: pb.CreateInstanceRequest) -> None:
        """Create an instance under a free ID. With a scheduled time, it begins only then."""
        self.StartInstance(request, _NO_CALL)
        self.rewritten.add(request.instanceId)
        instance = self._instances[request.instanceId]
        started = instance.pending_events[1]
        if request.HasField("parentTraceContext"):
            started.executionStarted.parentTraceContext.CopyFrom(request.parentTraceContext)
        self._put_off(instance)

    def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """Give an event to an instance that is in memory."""
        self._raise_event_internal(instance_id, name, payload)

    def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance and its sub-orchestrations at their next turn."""
        self._terminate_instance_internal(instance_id, reason, recursive=True)

    def end_activity(self, activity: ScheduledActivity, response: pb.ActivityResponse) -> bool:
        """Give the result of an activity to its instance; False when nobody waits for this run."""
        waiting = self.open.get(activity.instance_id, {})
        if waiting.get(activity.task_id) != activity.token:
            return False
        del waiting[activity.task_id]
        if response.HasField("failureDetails"):
            with_message(response.failureDetails)
        self.CompleteActivityTask(response, _NO_CALL)
        return True

    def fire_timers(self) -> None:
        """Wake the instances whose time has come."""
        for timer in self.timers.due(self.steady.now()):
            if timer.timer_id == START and self._later.get(timer.instance_id) == timer.fire_at:
                del self._later[timer.instance_id]
            self.fire(timer)

    def until_next_timer(self) -> timedelta | None:
        """How long it is until the next timer, or None."""
        due_at = self.timers.next_at
        return due_at - self.steady.now() if due_at else None

    def has_turns(self) -> bool:
        """Whether an instance may have something new to hear."""
        return bool(self._orchestration_queue)

    def next_turn(self) -> pb.OrchestratorRequest | None:
        """The next instance that has something new to hear, and its history; None when none has."""
        while self._orchestration_queue:
            instance_id = self._orchestration_queue.popleft()
            self._orchestration_queue_set.discard(instance_id)
            instance = self._instances.get(instance_id)
            if instance and self._may_run(instance):
                return _begin_turn(instance)
        return None

    def end_turn(self, response: pb.OrchestratorResponse) -> OrchestrationInstance:
        """Do what an orchestrator asked for in the turn that `next_turn` began; its instance."""
        instance = self._instances[response.instanceId]
        response.completionToken = str(instance.completion_token)
        if len(instance.history) + len(instance.dispatched_events) > self._most_events:
            del response.actions[:]
            response.actions.append(_too_long(self._most_events))
        self.CompleteOrchestratorTask(response, _NO_CALL)
        self.dirty.add(instance.instance_id)
        if self.has_ended(instance):
            instance.completed_at = instance.completed_at or datetime.now(UTC)
            self.open.pop(instance.instance_id, None)
            self.report_to_parent(instance)
        elif instance.pending_events:  # also when suspended: one of them may resume it
            self._enqueue_orchestration(instance.instance_id)
        return instance

    def take_scheduled(self) -> list[ScheduledActivity]:
        """The activities that were scheduled since the last call."""
        scheduled, self.scheduled = self.scheduled, []
        return scheduled

    def unschedule(self, instance_ids: Set[str]) -> None:
        """Take back the activities that these instances have scheduled and that nobody has taken;
        those of other instances stay.
        """
        kept: list[ScheduledActivity] = []
        for activity in self.scheduled:
            if activity.instance_id in instance_ids:
                self.open.get(activity.instance_id, {}).pop(activity.task_id, None)
            else:
                kept.append(activity)
        self.scheduled = kept

    def adopt(self, instance: OrchestrationInstance, parent: Parent | None) -> None:
        """Take in an instance as the store has it, and all that it still waits for. An activity
        that is running goes on; the others run (once more).
        """
        instance_id = instance.instance_id
        instance.completion_token = self.new_token()
        self._instances[instance_id] = instance
        if parent:
            self.parents[instance_id] = parent
        work = open_work((*instance.history, *instance.pending_events))
        running = self.open.get(instance_id, {})
        self.open[instance_id] = {n: running[n] for n in running if n in work.activities}
        for task_id, event in work.activities.items():
            if task_id not in running:
                self.schedule(instance_id, event)
        for timer_id, event in work.timers.items():
            fire_at = event.timerCreated.fireAt.ToDatetime(tzinfo=UTC)
            length = fire_at - event.timestamp.ToDatetime(tzinfo=UTC)
            self.arm(Timer(fire_at, instance_id, timer_id), length)
        if not instance.history:
            self._put_off(instance)
        if instance.pending_events:
            self._enqueue_orchestration(instance_id)

    def forget(self, instance_id: str) -> None:
        """Let go of an instance and of all that it waits for."""
        self._instances.pop(instance_id, None)
        self.parents.pop(instance_id, None)
        self.open.pop(instance_id, None)
        self._later.pop(instance_id, None)
        self.dirty.discard(instance_id)
        self.rewritten.discard(instance_id)

    def _put_off(self, instance: OrchestrationInstance) -> None:
        """Let an instance that was scheduled for later wait for its time. One that was not begins
        when it was made, which a clock that was set back must not take for later.
        """
        begin = instance.pending_events[0].timestamp.ToDatetime(tzinfo=UTC)
        length = begin - instance.created_at
        if length > timedelta(0):
            self._later[instance.instance_id] = begin
            self.arm(Timer(begin, instance.instance_id, START), length)

    def _may_run(self, instance: OrchestrationInstance) -> bool:
        if not instance.pending_events or self.has_ended(instance):
            return False
        return instance.instance_id not in self._later


def _begin_turn(instance: OrchestrationInstance) -> pb.OrchestratorRequest:
    instance.dispatched_events, instance.pending_events = instance.pending_events, []
    if instance.history:  # the first event of a turn tells the orchestrator what time it is
        now = ph.new_orchestrator_started_event(datetime.now(UTC))
        instance.dispatched_events.insert(0, now)
    return pb.OrchestratorRequest(
        instanceId=instance.instance_id,
        pastEvents=instance.history,
        newEvents=instance.dispatched_events,
    )


def _too_long(most_events: int) -> pb.OrchestratorAction:
    details = pb.TaskFailureDetails(
        errorType="HistoryTooLong",
        errorMessage=f"Its history has more than {most_events:,} events, the most that an instance"
        " may have. Give parts of its work to sub-orchestrations, or continue as new.",
        isNonRetriable=True,
    )
    return ph.new_complete_orchestration_action(-1, pb.ORCHESTRATION_STATUS_FAILED, None, details)
