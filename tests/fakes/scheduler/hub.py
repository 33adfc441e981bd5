"""Every operation on instances. Each belongs into a `transaction`, and may be told after it.

All of it runs on one event loop and waits for nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any

import durabletask.internal.orchestrator_service_pb2 as pb

from adapters.local.durable.timers import Timer, TimerQueue
from tests.fakes.scheduler.clock import HubClock
from tests.fakes.scheduler.instance import Instance, Parent, event, timestamp
from tests.fakes.scheduler.turns import end_turn
from tests.fakes.scheduler.work import Run, Turn, Work, Worker

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from datetime import datetime

    from tests.fakes.scheduler.store import Store


class Hub:
    """Instances by ID: those that have not ended in memory and in the file, the others in the file
    only. `pace` is how much faster than ours its time goes by.
    """

    def __init__(self, store: Store, *, pace: float = 1.0) -> None:
        self._store = store
        self.clock = HubClock(store.began(), pace)
        self.work = Work()
        self.armed = asyncio.Event()  # when there is a new timer
        self._timers = TimerQueue()
        self._live: dict[str, Instance] = {}
        self._changed: dict[str, Instance] = {}
        for instance in store.live():
            self._take_up(instance)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Write down what the block changes."""
        with self._store.atomic():
            yield
            for instance in self._changed.values():
                self._store.save(instance)
        for instance in self._changed.values():
            if instance.has_ended and self._live.get(instance.id) is instance:
                del self._live[instance.id]
        self._changed.clear()
        self._timers.sweep(self.is_live)

    def is_live(self, instance_id: str) -> bool:
        """Whether there is such an instance, and it has not ended."""
        instance = self._live.get(instance_id)
        return instance is not None and not instance.has_ended

    def state(self, instance_id: str) -> pb.OrchestrationState | None:
        """How an instance stands, or None when there is none."""
        instance = self._live.get(instance_id)
        return instance.state if instance else self._store.state(instance_id)

    def create(
        self, request: pb.CreateInstanceRequest, parent: pb.ParentInstanceInfo | None
    ) -> None:
        """Begin an instance. One of that ID that has ended is forgotten."""
        now = self.clock.now()
        instance = Instance(
            state=pb.OrchestrationState(
                instanceId=request.instanceId,
                name=request.name,
                version=request.version if request.HasField("version") else None,
                createdTimestamp=timestamp(now),
                tags=request.tags,
                parentInstanceId=(
                    {"value": parent.orchestrationInstance.instanceId} if parent else None
                ),
            ),
            parent=(
                Parent(parent.orchestrationInstance.instanceId, parent.taskScheduledId)
                if parent
                else None
            ),
        )
        self._live[instance.id] = instance
        started = pb.ExecutionStartedEvent(
            name=request.name,
            version=request.version if request.HasField("version") else None,
            input=request.input if request.HasField("input") else None,
            orchestrationInstance=pb.OrchestrationInstance(instanceId=instance.id),
            parentInstance=parent,
            parentTraceContext=(
                request.parentTraceContext if request.HasField("parentTraceContext") else None
            ),
            tags=request.tags,
        )
        self.begin(instance, started)

    def begin(self, instance: Instance, started: pb.ExecutionStartedEvent) -> None:
        """Begin an execution of an instance, the first one or a next one."""
        instance.state.orchestrationStatus = pb.ORCHESTRATION_STATUS_PENDING
        instance.state.input.CopyFrom(started.input)
        instance.history = []
        instance.stored = 0
        instance.runs.clear()
        instance.timers.clear()
        instance.inbox = [event(self.clock.now(), executionStarted=started)]
        self.changed(instance)
        self._take_up(instance)

    def tell(self, instance_id: str, **what: Any) -> None:
        """Let an instance hear of something; one that has ended, or is not there, hears nothing."""
        instance = self._live.get(instance_id)
        if instance and not instance.has_ended:
            instance.inbox.append(event(self.clock.now(), **what))
            self.changed(instance)
            self.work.want_turn(instance)

    def changed(self, instance: Instance) -> None:
        """Have an instance written down at the end of the transaction."""
        instance.state.lastUpdatedTimestamp.CopyFrom(timestamp(self.clock.now()))
        self._changed[instance.id] = instance

    def terminate(self, request: pb.TerminateRequest) -> None:
        """Let an instance hear that it is to end, and its sub-orchestrations if that is asked."""
        told = pb.ExecutionTerminatedEvent(
            input=request.output if request.HasField("output") else None,
            recurse=request.recursive,
        )
        ids = self._store.family(request.instanceId) if request.recursive else [request.instanceId]
        for instance_id in ids:
            self.tell(instance_id, executionTerminated=told)

    def purge(self, instance_ids: Iterable[str], *, recursive: bool) -> int:
        """Forget instances that have ended, and their sub-orchestrations if that is asked; how
        many.
        """
        purged: set[str] = set()
        for instance_id in instance_ids:
            if self.state(instance_id) is None or self.is_live(instance_id):
                continue
            ids = self._store.family(instance_id) if recursive else [instance_id]
            purged.update(each for each in ids if not self.is_live(each))
        for instance_id in purged:
            self._store.remove(instance_id)
        return len(purged)

    def next_item(self, worker: Worker) -> pb.WorkItem | None:
        """What a worker is to do next, if there is something and it has a hand free."""
        instance = self.work.next_turn(worker)
        if instance:
            return self._hand_turn(instance, worker)
        run = self.work.next_run(worker)
        return _hand_run(self.work, run, worker) if run else None

    def end_turn(self, response: pb.OrchestratorResponse) -> bool:
        """Take the answer of an orchestrator; False when nobody waits for it any more."""
        turn = self.work.finish(response.completionToken)
        if isinstance(turn, Turn):
            end_turn(self, turn, response)
        return isinstance(turn, Turn)

    def end_run(self, response: pb.ActivityResponse) -> bool:
        """Take the result of an activity; False when nobody waits for it any more."""
        run = self.work.finish(response.completionToken)
        if not isinstance(run, Run):
            return False
        task_id = run.scheduled.eventId
        del run.instance.runs[task_id]
        if response.HasField("failureDetails"):
            failed = pb.TaskFailedEvent(
                taskScheduledId=task_id, failureDetails=response.failureDetails
            )
            self.tell(run.instance.id, taskFailed=failed)
        else:
            result = response.result if response.HasField("result") else None
            done = pb.TaskCompletedEvent(taskScheduledId=task_id, result=result)
            self.tell(run.instance.id, taskCompleted=done)
        return True

    def arm(self, instance: Instance, created: pb.HistoryEvent) -> None:
        """Wake an instance when the timer of an event is due."""
        self._timers.arm(Timer(_fire_at(created), instance.id, created.eventId))
        self.armed.set()

    def next_timer_at(self) -> datetime | None:
        """When the first timer is due."""
        return self._timers.next_at

    def fire_timers(self) -> None:
        """Wake the instances whose time has come."""
        for timer in self._timers.due(self.clock.now()):
            instance = self._live.get(timer.instance_id)
            created = instance.timers.get(timer.timer_id) if instance else None
            # The IDs may be those of another execution by now.
            if instance and created and _fire_at(created) == timer.fire_at:
                del instance.timers[timer.timer_id]
                fired = pb.TimerFiredEvent(
                    fireAt=created.timerCreated.fireAt, timerId=timer.timer_id
                )
                self.tell(instance.id, timerFired=fired)

    def _take_up(self, instance: Instance) -> None:
        self._live[instance.id] = instance
        for scheduled in instance.runs.values():
            self.work.want_run(Run(instance, scheduled))
        for created in instance.timers.values():
            self.arm(instance, created)
        self.work.want_turn(instance)

    def _hand_turn(self, instance: Instance, worker: Worker) -> pb.WorkItem:
        # The first event of a turn tells the orchestrator what time it is.
        started = event(self.clock.now(), orchestratorStarted=pb.OrchestratorStartedEvent())
        past = instance.history
        turn = Turn(instance, past, len(past), len(instance.inbox), started)
        return pb.WorkItem(
            completionToken=self.work.hand(turn, worker),
            orchestratorRequest=pb.OrchestratorRequest(
                instanceId=instance.id,
                pastEvents=instance.history,
                newEvents=[started, *instance.inbox],
                orchestrationTraceContext=instance.trace,
            ),
        )


def _hand_run(work: Work, run: Run, worker: Worker) -> pb.WorkItem:
    task = run.scheduled.taskScheduled
    return pb.WorkItem(
        completionToken=work.hand(run, worker),
        activityRequest=pb.ActivityRequest(
            name=task.name,
            version=task.version if task.HasField("version") else None,
            input=task.input if task.HasField("input") else None,
            orchestrationInstance=pb.OrchestrationInstance(instanceId=run.instance.id),
            taskId=run.scheduled.eventId,
            parentTraceContext=(
                task.parentTraceContext if task.HasField("parentTraceContext") else None
            ),
            tags=task.tags,
        ),
    )


def _fire_at(created: pb.HistoryEvent) -> datetime:
    return created.timerCreated.fireAt.ToDatetime(tzinfo=UTC)
