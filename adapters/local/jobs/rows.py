"""The jobs table: every statement on it, each a function of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.codec import from_json, to_json
from shared.fair_queue import LATE, LATE_WEIGHT, OVERTAKEN_PER_S, Waiting, estimated_s, sender_of
from shared.model import Kind
from shared.ports import DescriptionJob

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

TOPIC = "jobs"
_SOMEBODY_WAITS, _NOBODY_WAITS = 0, 2  # an older release wrote 1 too, for videos
_COLUMNS = "job, created_at, attempts, kills"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJob:
    """A job that has not ended. `attempts` found no service, `kills` cost a process its life."""

    job: DescriptionJob
    created_at: float
    attempts: int
    kills: int


def insert(connection: sqlite3.Connection, job: DescriptionJob, now: float) -> None:
    """Add a job. One that is open already is wanted again, if nobody waited for it any longer."""
    connection.execute(
        "INSERT INTO jobs"
        " (job_id, job, priority, created_at, due_at, sender, kind, content, cost_s)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (job_id) DO UPDATE SET priority = excluded.priority",
        (
            *(job.job_id, to_json(job), _SOMEBODY_WAITS, now, now),
            *(sender_of(job), job.kind.value, job.sha256, estimated_s(job)),
        ),
    )


def lower(connection: sqlite3.Connection, job_id: str) -> None:
    """Nobody waits for this job any longer."""
    connection.execute("UPDATE jobs SET priority = ? WHERE job_id = ?", (_NOBODY_WAITS, job_id))


def waiting(
    connection: sqlite3.Connection,
    now: float,
    longest_pause_s: float,
    *,
    besides: Sequence[DescriptionJob],
    videos: bool,
) -> tuple[Waiting, ...]:
    """The first photo and the first video of each sender, `besides` those that run; whether the
    `videos` may run. A clock that was set back makes `due_at` lie ahead: that holds up neither a
    job that was never postponed nor one that would pause for longer than any does.
    """
    marks = ", ".join("?" * len(besides))
    # Of a group, SQLite takes the other columns from the row with the least place.
    found = connection.execute(
        "SELECT job_id, sender, priority = ?, kind, kills > 0 AS crashed, cost_s,"  # noqa: S608
        " MIN(sequence + cost_s * ?) FROM jobs"
        " WHERE (due_at <= ? OR due_at > ? OR attempts = 0)"
        f" AND job_id NOT IN ({marks}) AND content NOT IN ({marks})"
        " GROUP BY sender, priority = ?, kind, crashed",
        (
            *(_NOBODY_WAITS, OVERTAKEN_PER_S, now, now + longest_pause_s),
            *(job.job_id for job in besides),
            *(job.sha256 for job in besides),
            _NOBODY_WAITS,
        ),
    )
    return tuple(
        Waiting(
            job_id=job_id,
            sender=LATE if late else sender,
            cost_s=cost_s,
            place=place,
            weight=LATE_WEIGHT if late else 1.0,
            may_run=videos or kind != Kind.VIDEO.value,
            goes_first=bool(crashed),
        )
        for job_id, sender, late, kind, crashed, cost_s, place in found
    )


def get(connection: sqlite3.Connection, job_id: str) -> OpenJob | None:
    """The job as it is now, or None when it has ended."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM jobs WHERE job_id = ?",  # noqa: S608
        (job_id,),
    ).fetchone()
    return None if row is None else _open_job(row)


def next_due(connection: sqlite3.Connection, now: float) -> float | None:
    """When the next of the postponed jobs may run, or None when none is."""
    (due_at,) = connection.execute(
        "SELECT MIN(due_at) FROM jobs WHERE due_at > ?", (now,)
    ).fetchone()
    return due_at


def postpone(connection: sqlite3.Connection, job_id: str, due_at: float) -> None:
    """The service was not there: try again at `due_at`."""
    connection.execute(
        "UPDATE jobs SET attempts = attempts + 1, due_at = ? WHERE job_id = ?", (due_at, job_id)
    )


def count_kill(connection: sqlite3.Connection, job_id: str) -> None:
    """The job has cost a process its life."""
    connection.execute("UPDATE jobs SET kills = kills + 1 WHERE job_id = ?", (job_id,))


def close(connection: sqlite3.Connection, job_id: str) -> None:
    """The job has ended, and its event is published."""
    connection.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))


def count(connection: sqlite3.Connection) -> int:
    """How many jobs are open."""
    (found,) = connection.execute("SELECT COUNT(*) FROM jobs").fetchone()
    return int(found)


def _open_job(row: Sequence[Any]) -> OpenJob:
    job, created_at, attempts, kills = row
    return OpenJob(
        job=from_json(job, DescriptionJob, where="the jobs table"),
        created_at=created_at,
        attempts=attempts,
        kills=kills,
    )
