"""The state of one machine in one SQLite file that several processes may use at the same time.

Writes go through one thread with group commit (group_commit.py), reads through a connection of
their own. A commit of another process wakes the waiters of this one within 250 ms.

Not here: the tables (schema.py) and what is kept in them.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from adapters.local.durable_files import make_folders, sync_folder
from adapters.local.group_commit import GroupCommit
from adapters.local.schema import bring_up_to_date, refuse_newer
from adapters.local.sqlite_errors import sqlite_errors_translated
from adapters.local.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapters.local.group_commit import Work

_BUSY_TIMEOUT_S = 30.0


class Database:
    """The state file at `path`, which is made when it is not there.

    Opening and every use raise StorageCorruptError, StorageFullError, or ServiceUnavailableError
    when another process keeps it locked for 30 s; opening also raises NewerStateError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wakeups: dict[str, Wakeup] = {}
        self._writing = _open(path)
        try:
            self._reading = _connect(path, _only_read)
        except BaseException:
            self._writing.close()
            raise
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="state-reader")
        self._commits = GroupCommit(self._writing, path, self._wake_all)
        self._closed = False

    async def write[T](self, work: Work[T]) -> T:
        """Run `work` in a transaction; durable on return, and undone, alone, when it raises."""
        if self._closed:
            raise RuntimeError("the database is closed")
        return await self._commits.submit(work)

    async def read[T](self, work: Work[T]) -> T:
        """Run `work`, which only reads, on a snapshot that holds every write that has returned."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._read, work)

    def wakeup(self, topic: str) -> Wakeup:
        """The wake-up call of a topic; a commit of another process wakes every topic."""
        return self._wakeups.setdefault(topic, Wakeup())

    def close(self) -> None:
        """Finish the writes that wait, and let go of the file."""
        if self._closed:
            return
        self._closed = True
        self._commits.close()
        self._reader.shutdown()
        self._reading.close()
        self._writing.close()

    def _read[T](self, work: Work[T]) -> T:
        with sqlite_errors_translated(self.path):
            self._reading.execute("BEGIN")
            try:
                return work(self._reading)
            finally:
                if self._reading.in_transaction:  # else the error has ended it
                    self._reading.execute("ROLLBACK")

    def _wake_all(self) -> None:
        for wakeup in tuple(self._wakeups.values()):
            wakeup.notify()


def _open(path: Path) -> sqlite3.Connection:
    """The writing connection, with the tables in place and the file's name flushed to disk."""
    made = make_folders(path.parent)
    connection = _connect(path, _prepare)
    for folder in (path.parent, *made):
        sync_folder(folder)
    return connection


def _connect(path: Path, prepare: Callable[[sqlite3.Connection, Path], None]) -> sqlite3.Connection:
    with sqlite_errors_translated(path):
        connection = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the file up to date; in WAL, readers and the writer do not wait for one another."""
    refuse_newer(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    bring_up_to_date(connection)


def _only_read(connection: sqlite3.Connection, path: Path) -> None:
    del path
    connection.execute("PRAGMA query_only = ON")
