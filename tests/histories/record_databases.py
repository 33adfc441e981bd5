"""Writes down what the databases look like: those of one machine, the tables and a row in each,
and the rows of a submission on Azure.

    python -m tests.histories.record_databases

makes databases/state-N.sql, databases/engine-N.sql and rows/index-N.json below tests/histories for
the layout N of today, unless they are there. It is run when a layout has changed.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from adapters.azure.index_rows import LAYOUT, rows_of
from adapters.local.intake_journal import LocalIntakeJournal
from adapters.local.jobs import rows
from adapters.local.ledger import Ledger
from shared.codec import to_json
from shared.events import accepted
from shared.model import SubmissionQueued
from tests.support.clocks import START, ManualClock
from tests.support.core import a_submission
from tests.support.histories import FOLDER, load_recordings
from tests.support.instances_in_flight import restore
from tests.support.local_services import local_services
from tests.support.stored_rows import DATABASES, ENTRY, JOB, LEDGER, ROWS


async def _fill_state(folder: Path) -> None:
    with local_services(folder, ManualClock()) as services:
        database, clock = services.database, services.clock
        submission = a_submission()
        await services.index.put(ENTRY)
        await services.queue.send(
            submission.id, to_json(SubmissionQueued(submission_id=submission.id))
        )
        await services.publisher.publish(accepted(submission, clock.now()))
        await services.index.take_answer(
            reply_id=submission.id, recipient="ann@example.org", day="2026-11-24", limit=2
        )
        await Ledger(database, clock, LEDGER).put("a key", b"a value")
        now = START.timestamp()
        await database.write(lambda connection: rows.insert(connection, JOB, now))
        await LocalIntakeJournal(database).begin(submission.id, now=now, until=now + 20)


def _dump(file: Path, name: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        dump = DATABASES / f"{name}-{layout}.sql"
        if dump.exists():
            sys.stdout.write(f"{dump.name} exists, and is never written again\n")
            return
        lines = [*connection.iterdump(), f"PRAGMA user_version = {layout};"]
    DATABASES.mkdir(exist_ok=True)
    dump.write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """Write what is missing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(_fill_state(folder))
        _dump(folder / "state.db", "state")
        restore(folder / "engine.db", load_recordings(FOLDER)[:1])
        _dump(folder / "engine.db", "engine")
    index = ROWS / f"index-{LAYOUT}.json"
    if not index.exists():
        ROWS.mkdir(exist_ok=True)
        index.write_text(json.dumps(rows_of(ENTRY), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
