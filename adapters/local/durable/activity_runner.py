"""Runs activities, which are coroutines, on the host's event loop: no thread waits for them."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import tracing
from google.protobuf.wrappers_pb2 import StringValue

from adapters.local.durable.failures import failure_of
from shared.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from adapters.local.durable.corrected_backend import ScheduledActivity
    from shared.model import JsonObject

    type Activity = Callable[[JsonObject], Awaitable[JsonObject]]
    type Report = Callable[[ScheduledActivity, pb.ActivityResponse], None]

logger = logging.getLogger(__name__)


class ActivityRunner:
    """Made on the event loop that the activities are to run on; `report` gets each result."""

    def __init__(
        self, activities: Mapping[str, Activity], report: Report, *, most_at_once: int
    ) -> None:
        self._activities = activities
        self._report = report
        self._slots = asyncio.Semaphore(most_at_once)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def launch(self, scheduled: Sequence[ScheduledActivity]) -> None:
        """Start activities; called from the engine's thread."""
        try:
            self._loop.call_soon_threadsafe(self._start, scheduled)
        except RuntimeError:  # the loop is closed: the process ends, and the next one runs them
            logger.info("activities left to the next start", extra={"action": "activities_left"})

    async def stop(self) -> None:
        """Stop the running activities. They have no result, so the next start runs them again."""
        self._stopped = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, scheduled: Sequence[ScheduledActivity]) -> None:
        for activity in () if self._stopped else scheduled:
            task = self._loop.create_task(self._run(activity))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, activity: ScheduledActivity) -> None:
        async with self._slots:
            response = pb.ActivityResponse(instanceId=activity.instance_id, taskId=activity.task_id)
            try:
                response.result.CopyFrom(StringValue(value=await self._call(activity)))
            except asyncio.CancelledError as exc:
                if _is_being_cancelled():  # we are stopping, which is no failure of the activity
                    raise
                response.failureDetails.CopyFrom(_failure(activity, exc))
            except Exception as exc:  # noqa: BLE001 an entry point: its orchestrator hears of it
                response.failureDetails.CopyFrom(_failure(activity, exc))
        self._report(activity, response)

    async def _call(self, activity: ScheduledActivity) -> str:
        function = self._activities.get(activity.name)
        if function is None:
            raise LookupError(f"No activity is registered under the name {activity.name}.")
        with tracing.start_span(f"activity:{activity.name}", trace_context=activity.trace):
            result = await function(json.loads(activity.input or "null"))
        return json.dumps(result, allow_nan=False)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _failure(activity: ScheduledActivity, error: BaseException) -> pb.TaskFailureDetails:
    logger.warning(
        "activity failed",
        exc_info=error if not isinstance(error, IngestError) else None,
        extra={
            "action": "activity_failed",
            "instance_id": activity.instance_id,
            "activity": activity.name,
            "error": type(error).__name__,
        },
    )
    return failure_of(error)
