"""The durable engine of one machine: orchestrations that survive a killed process.

One process, one file, no socket and no thread per wait. How it works is in adapters/local/durable.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import durabletask.internal.orchestrator_service_pb2 as pb
from google.protobuf.wrappers_pb2 import StringValue

from adapters.local.durable.activity_runner import ActivityRunner
from adapters.local.durable.backend import DurableBackend
from adapters.local.durable.engine_thread import EngineThread
from adapters.local.durable.history_store import HistoryStore
from adapters.local.durable.hub import TaskHub
from adapters.local.durable.turn_runner import TurnRunner
from shared.ports import Instance, InstanceState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from durabletask.task import Orchestrator

    from adapters.local.durable.corrected_backend import ScheduledActivity
    from adapters.local.durable.history_schema import Durability
    from adapters.local.durable.history_store import StoredState
    from shared.model import JsonObject

    type Activity = Callable[[JsonObject], Awaitable[JsonObject]]

_STUCK = "Nothing has happened to it since {}, and it has not ended."


class LocalEngine:
    """The port `Engine` over one SQLite file. The order of its life: `open`, `register`,
    `start_worker`, `stop`. Instances can be started, and events raised, from `open` on.

    Every operation may raise StorageFullError, StorageCorruptError, or ServiceUnavailableError when
    the disk fails or the engine is stopped; then nothing of it has happened.
    """

    def __init__(
        self, hub: TaskHub, *, retention: timedelta, stuck_after: timedelta, most_activities: int
    ) -> None:
        self._hub = hub
        self._thread = EngineThread(hub, retention=retention)
        self._stuck_after = stuck_after
        self._most_activities = most_activities
        self._runner = TurnRunner()
        self._activities: dict[str, Activity] = {}
        self._running: ActivityRunner | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        durability: Durability = "FULL",
        retention: timedelta = timedelta(days=30),
        stuck_after: timedelta = timedelta(days=4),
        max_history_events: int = 10_000,
        most_activities: int = 256,
    ) -> Self:
        """Open the file, made when it is not there, and take up every instance that has not ended.

        Instances that ended are purged after `retention`; `failed` lists those that did not move
        for `stuck_after`; `most_activities` run at once. Raises NewerStateError too, and
        ServiceUnavailableError when another process has the file.
        """
        store = HistoryStore(path, durability=durability)
        try:
            hub = TaskHub(DurableBackend(max_history_events=max_history_events), store)
        except BaseException:
            store.close()
            raise
        return cls(
            hub, retention=retention, stuck_after=stuck_after, most_activities=most_activities
        )

    def register(
        self, orchestrators: Iterable[Orchestrator[Any, Any]], activities: Mapping[str, Activity]
    ) -> None:
        """Make orchestrators known under their own names, and activities under the given ones."""
        for orchestrator in orchestrators:
            self._runner.add_orchestrator(orchestrator)
        self._activities.update(activities)

    def start_worker(self) -> None:
        """Let the orchestrators run, and their activities on the running event loop."""
        self._running = ActivityRunner(
            self._activities, self._end_activity, most_at_once=self._most_activities
        )
        self._thread.begin_turns(self._runner, self._running.launch)

    async def stop(self) -> None:
        """Stop the running activities, finish what waits, give the file back. Activities that had
        no result yet run again after the next start.
        """
        if self._running:
            await self._running.stop()
        await asyncio.to_thread(self._thread.stop)

    async def start(self, orchestrator: str, *, instance_id: str, payload: JsonObject) -> bool:
        """Start an instance; False when the instance ID exists."""
        if not instance_id:
            raise ValueError("An instance needs an ID.")
        request = pb.CreateInstanceRequest(
            instanceId=instance_id, name=orchestrator, input=StringValue(value=_to_json(payload))
        )
        return await self._do(lambda: self._hub.start(request))

    async def raise_event(self, instance_id: str, *, name: str, payload: JsonObject) -> bool:
        """Raise an external event; False when there is no such instance. One that has ended ignores
        it.
        """
        text = _to_json(payload)
        return await self._do(lambda: self._hub.raise_event(instance_id, name, text))

    async def instance(self, instance_id: str) -> Instance | None:
        """The instance, or None."""
        state = await self._do(lambda: self._hub.state(instance_id))
        return _instance(state) if state else None

    async def purge(self, instance_id: str) -> None:
        """Forget a finished instance and its sub-orchestrations; one that lives stays."""
        await self._do(lambda: self._hub.purge(instance_id))

    async def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance and its sub-orchestrations, wherever they are."""
        text = _to_json(reason)
        await self._do(lambda: self._hub.terminate(instance_id, text))

    async def failed(self, limit: int = 100) -> Sequence[Instance]:
        """Instances that failed, the latest first, then such that seem stuck; each with a sentence.
        Sub-orchestrations are told by their parents.
        """
        states = await self._do(
            lambda: self._hub.failed(limit=limit, stuck_after=self._stuck_after)
        )
        return [_instance(state, _STUCK.format(state.updated_at)) for state in states]

    async def _do[T](self, operation: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._thread.submit(operation))

    def _end_activity(self, activity: ScheduledActivity, response: pb.ActivityResponse) -> None:
        self._thread.submit(lambda: self._hub.end_activity(activity, response))


def _to_json(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def _instance(state: StoredState, otherwise: str = "") -> Instance:
    return Instance(
        instance_id=state.instance_id,
        state=InstanceState(state.status),
        output=json.loads(state.output) if state.output else None,
        failure=state.failure or otherwise,
    )
