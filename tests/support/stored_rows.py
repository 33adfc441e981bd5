"""Rows that older releases have written: the databases of one machine, and the index on Azure."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from shared.model import Kind
from shared.ports import DescriptionJob, IndexEntry, SubmissionState
from tests.support.histories import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

DATABASES = FOLDER / "databases"
ROWS = FOLDER / "rows"

# What the recorded rows hold.
ENTRY = IndexEntry(
    submission_id=f"mail-{1:026}",
    source="mail",
    received_at="2026-11-24T09:59:00.000Z",
    state=SubmissionState.DONE,
    outcome="partly",
    media=2,
    escalated=(2,),
    categories=("medtop:15000000",),
    reason="No description came in time, so a person will look at it.",
    updated_at="2026-11-24T12:00:00.000Z",
)
JOB = DescriptionJob(
    job_id=f"{ENTRY.submission_id}:1",
    kind=Kind.PHOTO,
    blob=f"submissions/{ENTRY.submission_id}/media/1/cat.jpg",
    file_name="cat.jpg",
    media_type="image/jpeg",
    size=1000,
    sha256="ab12",
)
LEDGER = "sent-replies"


def lay_out(dump: Path, file: Path) -> None:
    """Make a database as an older release has left it."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump.read_text("utf-8"))


def tables_of(file: Path) -> dict[str, str]:
    """The statements that made the tables and indexes of a database, without their comments."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'"
        ).fetchall()
    return {name: " ".join(re.sub(r"--[^\n]*", "", sql).split()) for name, sql in rows}


def check_tables(what: str, upgraded: dict[str, str], fresh: dict[str, str]) -> str:
    """Nothing, or what differs between an upgraded database and a new one, and what to do."""
    differ = sorted(name for name in upgraded | fresh if upgraded.get(name) != fresh.get(name))
    if not differ:
        return ""
    return (
        f"An upgraded {what} has other tables than a new one: {', '.join(differ)}. A step of the"
        " layout that was released is never edited: add a new step at the end; see"
        " docs/changing.md."
    )
