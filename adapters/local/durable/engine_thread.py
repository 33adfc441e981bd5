"""The one thread that owns the instances: it takes what waits, runs it, commits once, answers.

A commit costs a flush of the disk, so operations and orchestrator turns that wait together share
one. Nobody is answered, and no activity starts, before the commit: what was told is durable.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.errors import IngestError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.local.durable.corrected_backend import ScheduledActivity
    from adapters.local.durable.hub import TaskHub
    from adapters.local.durable.turn_runner import TurnRunner

    type Launch = Callable[[Sequence[ScheduledActivity]], None]

logger = logging.getLogger(__name__)

_MOST_OPERATIONS = 256  # in one commit
_MOST_TURNS = 256
_LONGEST_NAP_S = 30.0  # a machine that sleeps stops our nap, and not what is due meanwhile
_REST_AFTER_ERROR_S = 1.0
_PURGE_EVERY_S = 3600.0
_MOST_PURGED = 100  # in one commit; then the next hundred after a second


@dataclass(frozen=True, slots=True)
class _Operation:
    work: Callable[[], Any]
    answer: Future[Any]


class EngineThread:
    """Runs operations on `hub` from the start, and orchestrators after `begin_turns`.

    Instances that ended longer than `retention` ago are purged.
    """

    def __init__(self, hub: TaskHub, *, retention: timedelta) -> None:
        self._hub = hub
        self._retention = retention
        self._purge_at = time.monotonic()
        self._waiting: queue.SimpleQueue[_Operation | None] = queue.SimpleQueue()
        self._runner: TurnRunner | None = None
        self._launch: Launch | None = None
        self._must_undo = False
        self._gate = threading.Lock()  # nothing is put behind the None that ends the thread
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="durable-engine", daemon=True)
        self._thread.start()

    def submit[T](self, work: Callable[[], T]) -> Future[T]:
        """Have `work` run; the future is set when it is durable. Raises ServiceUnavailableError
        when the engine is stopped.
        """
        answer: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise ServiceUnavailableError("durable engine", "it is stopped")
            self._waiting.put(_Operation(work, answer))
        return answer

    def begin_turns(self, runner: TurnRunner, launch: Launch) -> None:
        """Let orchestrators run; `launch` gets the activities that they schedule."""

        def begin() -> None:
            self._runner, self._launch = runner, launch

        self.submit(begin)

    def stop(self) -> None:
        """Finish the operations that wait, and give the file back. Blocks until then."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        self._thread.join()
        self._hub.close()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            operations, stopping = self._take()
            try:
                self._commit(operations)
            except Exception as error:  # noqa: BLE001 this thread's entry point: it must go on
                self._fail(operations, error)
                time.sleep(_REST_AFTER_ERROR_S)

    def _take(self) -> tuple[list[_Operation], bool]:
        """What waits, and whether that was the last of it; waits for the next thing to do."""
        operations: list[_Operation] = []
        try:
            operation = self._waiting.get(timeout=self._nap())
            while operation:
                if operation.answer.set_running_or_notify_cancel():  # False: nobody waits any more
                    operations.append(operation)
                if len(operations) == _MOST_OPERATIONS:
                    return operations, False
                operation = self._waiting.get_nowait()
        except queue.Empty:
            return operations, False
        return operations, True

    def _nap(self) -> float:
        if self._runner and self._hub.has_turns():
            return 0.0
        nap = min(_LONGEST_NAP_S, self._purge_at - time.monotonic())
        left = self._hub.until_next_timer()
        if left is not None and self._runner:
            nap = min(nap, left.total_seconds())
        return max(nap, 0.0)

    def _commit(self, operations: list[_Operation]) -> None:
        if self._must_undo:
            self._hub.undo()
        self._must_undo = True  # until the commit has returned
        with self._hub.transaction():
            results = [_attempt(operation) for operation in operations]
            if self._runner:
                self._hub.run_turns(self._runner, most=_MOST_TURNS)
            self._purge_when_due()
        self._must_undo = False
        for operation, result in zip(operations, results, strict=True):
            if not operation.answer.done():
                operation.answer.set_result(result)
        if self._launch:
            scheduled = self._hub.take_scheduled()
            if scheduled:
                self._launch(scheduled)

    def _purge_when_due(self) -> None:
        if time.monotonic() < self._purge_at:
            return
        before = datetime.now(UTC) - self._retention
        purged = self._hub.purge_ended(before, limit=_MOST_PURGED)
        self._purge_at = time.monotonic() + (1.0 if purged == _MOST_PURGED else _PURGE_EVERY_S)

    def _fail(self, operations: Sequence[_Operation], error: Exception) -> None:
        logger.error(
            "durable engine could not commit",
            exc_info=not isinstance(error, IngestError),
            extra={"action": "engine_commit_failed", "reason": str(error)},
        )
        for operation in operations:
            if not operation.answer.done():
                operation.answer.set_exception(error)


def _attempt(operation: _Operation) -> Any:
    try:
        return operation.work()
    except (TypeError, ValueError) as error:  # no text, or too long: the others are not to blame
        operation.answer.set_exception(error)
