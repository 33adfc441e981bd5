"""The tables of the engine's file, and how the file is opened for one process."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Literal

from shared.errors import NewerStateError

if TYPE_CHECKING:
    from pathlib import Path

type Durability = Literal["FULL", "NORMAL"]
"""FULL survives a power cut; NORMAL survives a killed process only."""

_VERSION = 1
_LOCK_PATIENCE_S = 1.0
_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,           -- a value of shared.ports.InstanceState
    parent TEXT,                    -- the instance that waits for this one
    parent_task INTEGER,            -- the event ID that it waits with
    created_at TEXT NOT NULL,       -- this and the next two: RFC 3339 in UTC
    updated_at TEXT NOT NULL,
    ended_at TEXT,
    output TEXT,                    -- JSON
    failure BLOB,                   -- TaskFailureDetails
    pending BLOB NOT NULL           -- HistoryChunk: events that no turn has heard yet
);
CREATE INDEX instances_live ON instances (updated_at) WHERE ended_at IS NULL;
CREATE INDEX instances_ended ON instances (ended_at) WHERE parent IS NULL;
CREATE INDEX instances_failed ON instances (ended_at) WHERE parent IS NULL AND status = 'failed';
CREATE INDEX instances_children ON instances (parent) WHERE parent IS NOT NULL;
CREATE TABLE history (
    instance TEXT NOT NULL,
    first INTEGER NOT NULL,         -- the place of the chunk's first event in the history
    events BLOB NOT NULL,           -- HistoryChunk
    PRIMARY KEY (instance, first)
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
COMMIT;
"""


def connect(path: Path, durability: Durability) -> sqlite3.Connection:
    """Open the file, made when it is not there, and keep every other process out of it.

    Raises NewerStateError, and sqlite3.Error when it is damaged, locked, or cannot be written.
    """
    db = sqlite3.connect(
        path, timeout=_LOCK_PATIENCE_S, isolation_level=None, check_same_thread=False
    )
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        _bring_up_to_date(db, path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {durability}")
        db.executescript("BEGIN IMMEDIATE; COMMIT")  # takes the lock that is then kept
    except BaseException:
        db.close()
        raise
    return db


def _bring_up_to_date(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise NewerStateError(str(path), version, _VERSION)
    if version == 0:
        db.executescript(_TABLES)
