"""The durable worker of a container: orchestrators and activities, worked off for a task hub.

durabletask runs work items in threads of its own and takes plain functions only, so an activity's
thread waits for its coroutine on the host's event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from adapters.azure.result_delivery import ResultDelivery
from adapters.azure.scheduler import scheduler_worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from azure.core.credentials import TokenCredential
    from durabletask.task import Orchestrator

    from shared.model import JsonObject
    from shared.settings.azure_observed import SchedulerSettings

    type Activity = Callable[[JsonObject], Awaitable[JsonObject]]

logger = logging.getLogger(__name__)

_CUT_SHORT_S = 1.0  # is what the threads of cancelled activities get to end


class TaskHubWorker:
    """Made on the event loop that the activities are to run on."""

    def __init__(
        self,
        settings: SchedulerSettings,
        identity: Callable[[], TokenCredential],
        orchestrators: Iterable[Orchestrator[Any, Any]],
        activities: Mapping[str, Activity],
    ) -> None:
        self._delivery = ResultDelivery()
        self._worker = scheduler_worker(settings, identity, self._delivery)
        self._loop = asyncio.get_running_loop()
        self._under_way: set[Future[JsonObject]] = set()
        self._is_cut_short = False
        for orchestrator in orchestrators:
            self._worker.add_orchestrator(orchestrator)
        for name, activity in activities.items():
            self._worker.add_activity(self._plain(name, activity))

    def start(self) -> None:
        """Begin to take work items; a hub that is not there is tried again and again."""
        self._worker.start()

    async def stop(self, within_s: float) -> None:
        """Take no more work items, finish those under way, and report them. Activities that take
        longer than `within_s` are cancelled, and run again elsewhere, as do those whose result the
        hub does not take in time. A hub that hangs is left behind a moment later.
        """
        stopped = asyncio.Event()

        def stop() -> None:
            self._worker.stop()
            with contextlib.suppress(RuntimeError):  # the loop did not wait for us
                self._loop.call_soon_threadsafe(stopped.set)

        threading.Thread(target=stop, name="stop-worker", daemon=True).start()
        if not await _happens(stopped, within_s):
            logger.warning(
                "activities cancelled",
                extra={"action": "drain_too_long", "count": len(self._under_way)},
            )
            self._is_cut_short = True
            self._delivery.give_up()
            for future in tuple(self._under_way):
                future.cancel()
            await _happens(stopped, _CUT_SHORT_S)

    def _plain(self, name: str, activity: Activity) -> Callable[[Any, Any], JsonObject]:
        def run(_context: Any, payload: Any) -> JsonObject:
            future = asyncio.run_coroutine_threadsafe(_awaited(activity, payload), self._loop)
            self._under_way.add(future)
            try:
                return future.result()
            except CancelledError as exc:
                if self._is_cut_short:  # no failure of it: durabletask reports nothing then
                    raise asyncio.CancelledError from exc
                raise RuntimeError(f"The activity {name} was cancelled from within.") from exc
            finally:
                self._under_way.discard(future)

        run.__name__ = name  # under which durabletask registers it
        return run


async def _happens(event: asyncio.Event, within_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await event.wait()
    return event.is_set()


async def _awaited(activity: Activity, payload: JsonObject) -> JsonObject:
    return await activity(payload)
