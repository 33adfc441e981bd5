"""Every operation on instances: the backend's memory and the store's file, kept in step.

All of it runs on one thread (engine_thread.py). Nothing is durable, and nothing may be told, before
`commit` has returned; after an error `undo` takes everything back to the last commit.
"""

from __future__ import annotations

import contextlib
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.local.durable.history_rows import status_name
from adapters.local.durable.history_store import StoredState

if TYPE_CHECKING:
    from collections.abc import Generator

    import durabletask.internal.orchestrator_service_pb2 as pb
    from durabletask.testing.in_memory_backend import OrchestrationInstance

    from adapters.local.durable.backend import DurableBackend
    from adapters.local.durable.corrected_backend import ScheduledActivity
    from adapters.local.durable.history_store import HistoryStore
    from adapters.local.durable.turn_runner import TurnRunner

logger = logging.getLogger(__name__)


class TaskHub:
    """Instances by ID, wherever they are: live ones in memory, ended ones in the file."""

    def __init__(self, backend: DurableBackend, store: HistoryStore) -> None:
        self._backend = backend
        self._store = store
        with store.transaction():
            for instance_id in store.live():
                self._reload(instance_id)

    def start(self, request: pb.CreateInstanceRequest) -> bool:
        """Create an instance; False when its ID exists."""
        if self.state(request.instanceId):
            return False
        self._backend.start_instance(request)
        return True

    def raise_event(self, instance_id: str, name: str, payload: str) -> bool:
        """Give an event to an instance; False when there is none. An ended one ignores it."""
        if self._backend.is_live(instance_id):
            self._backend.raise_event(instance_id, name, payload)
            return True
        return self._store.state(instance_id) is not None

    def state(self, instance_id: str) -> StoredState | None:
        """How an instance stands, or None when there is none."""
        instance = self._backend.get(instance_id)
        return _state(instance) if instance else self._store.state(instance_id)

    def terminate(self, instance_id: str, reason: str) -> None:
        """End a live instance and its sub-orchestrations."""
        self._backend.terminate(instance_id, reason=reason)

    def purge(self, instance_id: str) -> None:
        """Forget an instance that has ended, and its sub-orchestrations."""
        self._save()  # so that the file knows them all
        state = self._store.state(instance_id)
        if state and state.has_ended:
            self._delete(instance_id)

    def purge_ended(self, before: datetime, *, limit: int) -> int:
        """Forget instances that ended long ago; how many."""
        ids = self._store.ended_before(before.isoformat(), limit=limit)
        for instance_id in ids:
            self._delete(instance_id)
        return len(ids)

    def failed(self, *, limit: int, stuck_after: timedelta) -> list[StoredState]:
        """Instances that failed, and then such that did not move for `stuck_after`."""
        failed = self._store.failed(limit=limit)
        since = (datetime.now(UTC) - stuck_after).isoformat()
        return [*failed, *self._store.untouched_since(since, limit=limit - len(failed))]

    def end_activity(self, activity: ScheduledActivity, response: pb.ActivityResponse) -> None:
        """Give the result of an activity to its instance."""
        if not self._backend.end_activity(activity, response):
            logger.info(
                "activity result came too late",
                extra={
                    "action": "activity_result_ignored",
                    "instance_id": activity.instance_id,
                    "activity": activity.name,
                },
            )

    def run_turns(self, runner: TurnRunner, *, most: int) -> None:
        """Wake what is due, and let orchestrators run until all wait, or `most` turns have run."""
        self._backend.fire_timers()
        for _ in range(most):
            request = self._backend.next_turn()
            if request is None:
                return
            instance = self._backend.end_turn(runner.run_turn(request))
            if instance.failure_details:
                _log_failure(instance)

    def take_scheduled(self) -> list[ScheduledActivity]:
        """The activities that are to be run; ask after the commit only."""
        return self._backend.take_scheduled()

    def has_turns(self) -> bool:
        """Whether an orchestrator could run right now."""
        return self._backend.has_turns()

    def until_next_timer(self) -> timedelta | None:
        """How long it is until the next timer, or None."""
        return self._backend.until_next_timer()

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Make what the block does durable, all or nothing. After an error call `undo`."""
        with self._store.transaction():
            yield
            self._save()
        self._let_ended_go()

    def undo(self) -> None:
        """Take memory back to what the file says; activities whose result is lost run again."""
        self._backend.unschedule(self._backend.dirty)
        with self._store.transaction():
            for instance_id in tuple(self._backend.dirty):
                self._backend.rewritten.discard(instance_id)
                self._backend.dirty.discard(instance_id)
                self._reload(instance_id)

    def close(self) -> None:
        """Give the file back."""
        self._store.close()

    def _save(self) -> None:
        backend = self._backend
        for instance_id in backend.dirty:
            instance = backend.get(instance_id)
            if instance:
                self._store.save(
                    instance,
                    backend.parents.get(instance_id),
                    rewritten=instance_id in backend.rewritten,
                )

    def _let_ended_go(self) -> None:
        backend = self._backend
        for instance_id in tuple(backend.dirty):
            instance = backend.get(instance_id)
            if instance and backend.has_ended(instance):
                self._store.release(instance_id)
                backend.forget(instance_id)
        backend.dirty.clear()
        backend.rewritten.clear()
        backend.timers.sweep(backend.is_live)

    def _reload(self, instance_id: str) -> None:
        loaded = self._store.load(instance_id)
        if loaded:
            self._backend.adopt(*loaded)
        else:
            self._backend.forget(instance_id)

    def _delete(self, instance_id: str) -> None:
        for member in self._store.delete_family(instance_id):
            self._backend.forget(member)
            self._backend.dirty.add(member)  # so that `undo` brings it back


def _log_failure(instance: OrchestrationInstance) -> None:
    logger.error(
        "instance failed",
        extra={
            "action": "instance_failed",
            "instance_id": instance.instance_id,
            "orchestrator": instance.name,
            "error": instance.failure_details.errorType if instance.failure_details else "",
        },
    )


def _state(instance: OrchestrationInstance) -> StoredState:
    failure = instance.failure_details
    return StoredState(
        instance_id=instance.instance_id,
        status=status_name(instance.status),
        has_ended=instance.completed_at is not None,
        updated_at=instance.last_updated_at.isoformat(),
        output=instance.output or "",
        failure=failure.errorMessage if failure else "",
    )
