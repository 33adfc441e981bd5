"""The tables of state.db, as numbered steps; `PRAGMA user_version` says how many were taken.

A step that was released is never edited: a change is a new step at the end. REAL times are seconds
since 1970.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from shared.errors import NewerStateError

if TYPE_CHECKING:
    from pathlib import Path

_QUEUE = (
    """CREATE TABLE queue (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id TEXT NOT NULL UNIQUE,
        body BLOB NOT NULL,
        properties TEXT NOT NULL,
        state TEXT NOT NULL,               -- waiting, done, dead
        enqueued_at REAL NOT NULL,
        due_at REAL NOT NULL,              -- from when on it may be delivered; the end of its lock
        delivery_count INTEGER NOT NULL DEFAULT 0,
        lock_token TEXT NOT NULL DEFAULT '',
        finished_at REAL,
        reason TEXT NOT NULL DEFAULT '',
        description TEXT NOT NULL DEFAULT ''
    )""",
    "CREATE INDEX queue_due ON queue (due_at, sequence) WHERE state = 'waiting'",
    "CREATE INDEX queue_finished ON queue (state, finished_at) WHERE state != 'waiting'",
)
_EVENTS = (
    """CREATE TABLE events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        type TEXT NOT NULL,
        event BLOB NOT NULL,               -- the CloudEvent in structured JSON
        state TEXT NOT NULL,               -- pending, delivered, dead
        published_at REAL NOT NULL,
        due_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        UNIQUE (source, id)
    )""",
    "CREATE INDEX events_due ON events (type, due_at, sequence) WHERE state = 'pending'",
    "CREATE INDEX events_published ON events (published_at)",
    "CREATE INDEX events_dead ON events (sequence) WHERE state = 'dead'",
)
_SUBMISSIONS = (
    """CREATE TABLE submissions (
        submission_id TEXT PRIMARY KEY,
        source TEXT NOT NULL,
        received_at TEXT NOT NULL,         -- RFC 3339
        state TEXT NOT NULL,
        rank INTEGER NOT NULL,             -- the order of the states
        outcome TEXT NOT NULL,
        media INTEGER NOT NULL,
        escalated TEXT NOT NULL,           -- a JSON array of media numbers
        reason TEXT NOT NULL,
        updated_at TEXT NOT NULL           -- RFC 3339
    ) WITHOUT ROWID""",
    "CREATE INDEX submissions_received ON submissions (received_at, submission_id)",
    "CREATE INDEX submissions_state ON submissions (state, received_at, submission_id)",
    """CREATE INDEX submissions_escalated ON submissions (received_at, submission_id)
        WHERE escalated != '[]'""",
    """CREATE TABLE answers (
        reply_id TEXT PRIMARY KEY,
        recipient TEXT NOT NULL,           -- a hash, never the address
        day TEXT NOT NULL,                 -- YYYY-MM-DD
        granted INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX answers_day ON answers (day, recipient)",
)
_JOBS = (
    """CREATE TABLE jobs (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL UNIQUE,
        job BLOB NOT NULL,                 -- the DescriptionJob in JSON
        priority INTEGER NOT NULL,         -- 0 photos, 1 videos, 2 nobody waits
        created_at REAL NOT NULL,
        due_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        kills INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX jobs_next ON jobs (priority, sequence)",
    "CREATE INDEX jobs_due ON jobs (due_at)",
)
_LEDGER = (
    """CREATE TABLE ledger (
        name TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (name, key)
    ) WITHOUT ROWID""",
    "CREATE INDEX ledger_at ON ledger (name, at)",
)
_CATEGORIES = (
    # A JSON array of codes; null: what was written before nobody has said.
    "ALTER TABLE submissions ADD COLUMN categories TEXT NOT NULL DEFAULT 'null'",
    """CREATE TABLE filed (
        category TEXT NOT NULL,
        received_at TEXT NOT NULL,         -- the submission's, so that a page is read in order
        submission_id TEXT NOT NULL,
        PRIMARY KEY (category, received_at, submission_id)
    ) WITHOUT ROWID""",
    "CREATE INDEX filed_submission ON filed (submission_id)",
)
_INTAKES = (
    """CREATE TABLE intakes (
        submission_id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,               -- the process
        number INTEGER NOT NULL,           -- of the attempt
        begun_at REAL NOT NULL,
        until REAL NOT NULL,               -- when it has run out; 0: it is over
        settled INTEGER NOT NULL DEFAULT 0 -- nothing is left to be done
    ) WITHOUT ROWID""",
    "CREATE INDEX intakes_cut_off ON intakes (until) WHERE settled = 0",
)
_FAIR_SHARES = (
    "ALTER TABLE jobs ADD COLUMN sender TEXT NOT NULL DEFAULT ''",  # a hash, or a submission
    "ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE jobs ADD COLUMN content TEXT NOT NULL DEFAULT ''",  # its SHA-256
    "ALTER TABLE jobs ADD COLUMN cost_s REAL NOT NULL DEFAULT 1",  # of a describer, estimated
    # Nobody has noted whose the jobs of before are: each submission counts as a sender.
    """UPDATE jobs SET sender = rtrim(rtrim(job_id, '0123456789'), ':'),
        kind = json_extract(CAST(job AS TEXT), '$.kind'),
        content = json_extract(CAST(job AS TEXT), '$.sha256')""",
    "DROP INDEX jobs_next",
)
_STEPS: tuple[tuple[str, ...], ...] = (
    (*_QUEUE, *_EVENTS, *_SUBMISSIONS, *_JOBS, *_LEDGER),
    _CATEGORIES,
    _INTAKES,
    _FAIR_SHARES,
)

VERSION = len(_STEPS)


def version(connection: sqlite3.Connection) -> int:
    """How many steps this database has taken."""
    (taken,) = connection.execute("PRAGMA user_version").fetchone()
    return int(taken)


def refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    """Raise NewerStateError when a newer release has written this database."""
    found = version(connection)
    if found > VERSION:
        raise NewerStateError(str(path), found, VERSION)


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Take the steps that are missing, all or none of them, also when several processes start."""
    if version(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    for step in _STEPS[version(connection) :]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
