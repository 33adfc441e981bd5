"""What SQLite reports, in the words of `shared.errors`."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import ServiceUnavailableError, StorageCorruptError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_PRIMARY = 0xFF  # the low byte of an extended result code (sqlite.org/rescode.html)
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_PASSING = {
    sqlite3.SQLITE_BUSY: "another process keeps it locked",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the folder and its permissions",
    sqlite3.SQLITE_READONLY: "it may not be written; check its owner and permissions",
    sqlite3.SQLITE_PERM: "it may not be opened; check its owner and permissions",
}


def translated(exc: Exception, path: Path) -> Exception:
    """The error of ours that says the same; a mistake in our own SQL stays what it is."""
    code = getattr(exc, "sqlite_errorcode", None)
    if not isinstance(exc, sqlite3.Error) or code is None:
        return exc
    primary = code & _PRIMARY
    error: Exception = exc
    if primary == sqlite3.SQLITE_FULL:
        error = StorageFullError(str(path))
    elif primary in _CORRUPT:
        error = StorageCorruptError(str(path), str(exc))
    elif primary in _PASSING:
        error = ServiceUnavailableError(f"state database {path}", _PASSING[primary])
    return error


@contextmanager
def sqlite_errors_translated(path: Path) -> Generator[None]:
    """Raise what `translated` says instead of SQLite's own errors."""
    try:
        yield
    except sqlite3.Error as exc:
        error = translated(exc, path)
        if error is exc:
            raise
        raise error from exc
