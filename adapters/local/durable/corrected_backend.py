"""durabletask's in-memory backend with its flaws corrected.

The stock backend (durabletask 1.12.0) is meant for tests. What it does wrong for a product is
listed one by one in tests/unit/adapters/local/test_engine_flaws.py. The corrections share three
ideas: nothing here waits or starts a thread; timers and finished sub-orchestrations become events
of the instance that waits for them; every change marks its instance as dirty, so that it is written
down before anybody hears of it.

Not here: whose turn it is, and what comes back from the store (backend.py).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers as ph
from durabletask.testing import InMemoryOrchestrationBackend

from adapters.local.durable.failures import with_message
from adapters.local.durable.open_work import open_work
from adapters.local.durable.quiet import quiet_logger
from adapters.local.durable.timers import Timer, TimerQueue
from adapters.local.steady_clock import SteadyClock

if TYPE_CHECKING:
    from durabletask.testing.in_memory_backend import OrchestrationInstance

START = -1  # in place of an event ID: the timer of a start that is scheduled for later


@dataclass(frozen=True, slots=True)
class Parent:
    """Who waits for a sub-orchestration, and the event ID that it waits with."""

    instance_id: str
    task_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledActivity:
    """An activity to run. `token` tells this run from earlier ones under the same event ID."""

    instance_id: str
    task_id: int
    name: str
    input: str  # JSON, or empty
    token: int
    trace: pb.TraceContext | None = None


class CorrectedBackend(InMemoryOrchestrationBackend):
    """The stock backend's rules for instances, without its threads, its server and its flaws.

    Its underscored members are durabletask's own; those without are for the subclass and the hub.
    """

    def __init__(self) -> None:
        super().__init__(max_history_size=sys.maxsize)  # DurableBackend has its own limit
        self._logger = quiet_logger()
        self.steady = SteadyClock()
        self.timers = TimerQueue()  # by the steady clock
        self.dirty: set[str] = set()  # changed since the last commit
        self.rewritten: set[str] = set()  # of these, whose stored history is of an older execution
        self.parents: dict[str, Parent] = {}
        self.open: dict[str, dict[int, int]] = {}  # instance -> activity without result -> token
        self.scheduled: list[ScheduledActivity] = []  # activities that nobody has taken yet

    def has_ended(self, instance: OrchestrationInstance) -> bool:
        """Whether it is completed, failed or terminated."""
        return self._is_terminal_status(instance.status)

    def new_token(self) -> int:
        """A number that was never given before in this process."""
        token = self._next_completion_token
        self._next_completion_token += 1
        return token

    def schedule(self, instance_id: str, event: pb.HistoryEvent) -> None:
        """Have the activity of a taskScheduled event run."""
        task, token = event.taskScheduled, self.new_token()
        self.open.setdefault(instance_id, {})[event.eventId] = token
        self.scheduled.append(
            ScheduledActivity(
                instance_id=instance_id,
                task_id=event.eventId,
                name=task.name,
                input=task.input.value,
                token=token,
                trace=task.parentTraceContext if task.HasField("parentTraceContext") else None,
            )
        )

    def arm(self, timer: Timer, length: timedelta) -> None:
        """Have a timer fire at its time, and at the latest when as much time has passed as it was
        made for: whoever sets the clock back must not make it wait for longer.
        """
        left = min(timer.fire_at - datetime.now(UTC), length)
        self.timers.arm(timer, due_at=self.steady.now() + left)

    def fire(self, timer: Timer) -> None:
        """Wake the instance of a timer, if it still waits for this very timer: the ID may be of
        another execution by now.
        """
        instance = self._instances.get(timer.instance_id)
        if instance is None or self.has_ended(instance):
            return
        if timer.timer_id == START:
            self._enqueue_orchestration(timer.instance_id)
            return
        waiting = open_work(chain(instance.history, instance.pending_events)).timers
        event = waiting.get(timer.timer_id)
        if event and event.timerCreated.fireAt.ToDatetime(tzinfo=UTC) == timer.fire_at:
            fired = ph.new_timer_fired_event(timer.timer_id, timer.fire_at)
            self._deliver(instance, fired)

    def report_to_parent(self, instance: OrchestrationInstance) -> None:
        """Give the result of an instance that has ended to the one that waits for it, if any."""
        link = self.parents.get(instance.instance_id)
        parent = self._instances.get(link.instance_id) if link else None
        if link is None or parent is None or self.has_ended(parent):
            return
        if any(_is_creation(event, link.task_id, instance.instance_id) for event in parent.history):
            self._deliver(parent, _result_for_parent(link.task_id, instance))

    def _deliver(self, instance: OrchestrationInstance, event: pb.HistoryEvent) -> None:
        instance.pending_events.append(event)
        instance.last_updated_at = datetime.now(UTC)
        self._enqueue_orchestration(instance.instance_id)

    # Below: what durabletask calls

    def _enqueue_orchestration(self, instance_id: str) -> None:
        self.dirty.add(instance_id)
        super()._enqueue_orchestration(instance_id)

    def _create_instance_internal(
        self,
        instance_id: str,
        name: str,
        encoded_input: str | None = None,
        version: str | None = None,
    ) -> None:
        super()._create_instance_internal(instance_id, name, encoded_input, version)
        self.rewritten.add(instance_id)
        self.open.pop(instance_id, None)

    def _process_schedule_task_action(
        self, instance: OrchestrationInstance, action: pb.OrchestratorAction
    ) -> None:
        task = action.scheduleTask
        event = ph.new_task_scheduled_event(action.id, task.name, task.input.value)
        if task.HasField("parentTraceContext"):
            event.taskScheduled.parentTraceContext.CopyFrom(task.parentTraceContext)
        instance.history.append(event)
        self.schedule(instance.instance_id, event)

    def _process_create_timer_action(
        self, instance: OrchestrationInstance, action: pb.OrchestratorAction
    ) -> None:
        fire_at = action.createTimer.fireAt.ToDatetime(tzinfo=UTC)
        asked_at = _turn_began(instance)
        event = ph.new_timer_created_event(action.id, fire_at)
        event.timestamp.FromDatetime(asked_at)  # so that its length is known after a restart too
        instance.history.append(event)
        self.arm(Timer(fire_at, instance.instance_id, action.id), fire_at - asked_at)

    def _process_create_sub_orchestration_action(
        self, instance: OrchestrationInstance, action: pb.OrchestratorAction
    ) -> None:
        super()._process_create_sub_orchestration_action(instance, action)
        asked = action.createSubOrchestration
        if not asked.HasField("parentTraceContext"):
            return
        created = instance.history[-1].subOrchestrationInstanceCreated
        created.parentTraceContext.CopyFrom(asked.parentTraceContext)
        if self.parents.get(asked.instanceId) == Parent(instance.instance_id, action.id):
            child = self._instances[asked.instanceId]
            _execution_started(child).parentTraceContext.CopyFrom(asked.parentTraceContext)

    def _process_send_entity_message_action(
        self, instance: OrchestrationInstance, action: pb.OrchestratorAction
    ) -> None:
        raise NotImplementedError("The local engine runs no entities.")  # it fails the instance

    def _watch_sub_orchestration(
        self, parent_instance_id: str, sub_instance_id: str, task_id: int
    ) -> None:
        self.parents[sub_instance_id] = Parent(parent_instance_id, task_id)
        self._tell_its_parent(self._instances[sub_instance_id])

    def _tell_its_parent(self, instance: OrchestrationInstance) -> None:
        link = self.parents.get(instance.instance_id)
        if link:
            _execution_started(instance).parentInstance.CopyFrom(
                pb.ParentInstanceInfo(
                    taskScheduledId=link.task_id,
                    orchestrationInstance=pb.OrchestrationInstance(instanceId=link.instance_id),
                )
            )

    def _process_complete_orchestration_action(
        self, instance: OrchestrationInstance, complete_action: pb.CompleteOrchestrationAction
    ) -> None:
        if complete_action.HasField("failureDetails"):
            with_message(complete_action.failureDetails)
        super()._process_complete_orchestration_action(instance, complete_action)
        if not self.has_ended(instance):  # it continues as new
            self.rewritten.add(instance.instance_id)
            self.open.pop(instance.instance_id, None)
            self._tell_its_parent(instance)

    def _terminate_instance_internal(
        self, instance_id: str, output: str | None, recursive: bool = False
    ) -> None:
        super()._terminate_instance_internal(instance_id, output)
        if recursive:
            for child, link in list(self.parents.items()):
                if link.instance_id == instance_id:
                    self._terminate_instance_internal(child, output, recursive=True)


def _execution_started(instance: OrchestrationInstance) -> pb.ExecutionStartedEvent:
    """The event that begins an execution whose first turn has not come yet."""
    return instance.pending_events[1].executionStarted


def _turn_began(instance: OrchestrationInstance) -> datetime:
    """What time it is for the orchestrator, whose turn is in the history already."""
    started = (it for it in reversed(instance.history) if it.HasField("orchestratorStarted"))
    return next(started).timestamp.ToDatetime(tzinfo=UTC)


def _is_creation(event: pb.HistoryEvent, task_id: int, child_id: str) -> bool:
    return (
        event.eventId == task_id
        and event.HasField("subOrchestrationInstanceCreated")
        and event.subOrchestrationInstanceCreated.instanceId == child_id
    )


def _result_for_parent(task_id: int, child: OrchestrationInstance) -> pb.HistoryEvent:
    if child.status == pb.ORCHESTRATION_STATUS_COMPLETED:
        return ph.new_sub_orchestration_completed_event(task_id, child.output)
    if child.failure_details is None:
        return ph.new_sub_orchestration_failed_event(
            task_id, RuntimeError(f"The sub-orchestration {child.instance_id} was terminated.")
        )
    return pb.HistoryEvent(
        eventId=-1,
        subOrchestrationInstanceFailed=pb.SubOrchestrationInstanceFailedEvent(
            taskScheduledId=task_id, failureDetails=child.failure_details
        ),
    )
