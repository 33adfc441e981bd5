"""Many writes in one commit: a thread that owns the writing connection.

A commit costs a flush of the disk, so the thread takes all requests that wait, runs each in a
savepoint of one transaction, commits once, and only then answers them.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.local.sqlite_errors import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

type Work[T] = Callable[[sqlite3.Connection], T]

_MOST_AT_ONCE = 256
_LOOK_FOR_OTHERS_S = 0.25


@dataclass(frozen=True, slots=True)
class _Request:
    work: Work[Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Answer:
    future: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None


class GroupCommit:
    """Writes through `connection`, which no one else may use until `close` has returned.

    `on_other_commit` is called, in the thread, when another process or connection has committed.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, on_other_commit: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._path = path
        self._on_other_commit = on_other_commit
        self._data_version = _data_version(connection)
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="state-writer", daemon=True)
        self._thread.start()

    def submit[T](self, work: Work[T]) -> asyncio.Future[T]:
        """Queue `work`; its future ends when it is committed, or has failed and is undone."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._requests.put(_Request(work, future))
        return future

    def close(self) -> None:
        """Finish what waits, and end the thread."""
        self._requests.put(None)
        self._thread.join()

    def _serve(self) -> None:
        going = True
        while going:
            batch, going = self._next_batch()
            if batch:
                _deliver(self._commit(batch))
            self._look_for_other_commits()

    def _next_batch(self) -> tuple[list[_Request], bool]:
        """The requests that wait, and whether more may come; none after a while without any."""
        batch: list[_Request] = []
        try:
            request = self._requests.get(timeout=_LOOK_FOR_OTHERS_S)
            while request is not None:
                batch.append(request)
                if len(batch) == _MOST_AT_ONCE:
                    return batch, True
                request = self._requests.get_nowait()
        except queue.Empty:
            return batch, True
        return batch, False

    def _commit(self, batch: Sequence[_Request]) -> list[_Answer]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            answers = [self._attempt(request) for request in batch]
            self._connection.execute("COMMIT")
        except Exception as exc:  # noqa: BLE001 - it is for everybody who asked
            with suppress(sqlite3.Error):  # when it has ended by itself
                self._connection.execute("ROLLBACK")
            error = translated(exc, self._path)
            return [_Answer(request.future, error=error) for request in batch]
        return answers

    def _attempt(self, request: _Request) -> _Answer:
        self._connection.execute("SAVEPOINT request")
        try:
            answer = _Answer(request.future, value=request.work(self._connection))
        except Exception as exc:  # whatever it is, it is for who asked
            if not self._connection.in_transaction:
                raise  # SQLite undid the whole transaction (sqlite.org/lang_transaction.html, 3)
            self._connection.execute("ROLLBACK TO request")
            answer = _Answer(request.future, error=translated(exc, self._path))
        self._connection.execute("RELEASE request")
        return answer

    def _look_for_other_commits(self) -> None:
        try:
            found = _data_version(self._connection)
        except sqlite3.Error:
            return  # whoever writes or reads next is told
        if found != self._data_version:
            self._data_version = found
            self._on_other_commit()


def _data_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection commits (sqlite.org/pragma.html)."""
    (found,) = connection.execute("PRAGMA data_version").fetchone()
    return int(found)


def _deliver(answers: Iterable[_Answer]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for answer in answers:
        by_loop.setdefault(answer.future.get_loop(), []).append(answer)
    for loop, ours in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, ours)


def _settle(answers: Iterable[_Answer]) -> None:
    for answer in answers:
        if answer.future.done():
            continue  # who asked was cancelled
        if answer.error is not None:
            answer.future.set_exception(answer.error)
        else:
            answer.future.set_result(answer.value)
