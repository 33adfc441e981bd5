"""What LocalSubmissionIndex does beyond the contract: databases of older releases, kill -9."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from adapters.local.schema import VERSION, version
from adapters.local.submission_index import LocalSubmissionIndex
from shared.ports import IndexEntry, SubmissionState
from tests.support.clocks import ManualClock
from tests.support.local_services import local_database

PROJECT = Path(__file__).parents[4]
ENTRY = IndexEntry(
    submission_id="mail-1",
    source="mail",
    received_at="2026-11-24T12:00:00.000Z",
    state=SubmissionState.DONE,
    updated_at="2026-11-24T12:00:01.000Z",
)
SPORT, ARTS = "medtop:15000000", "medtop:01000000"

REFILER = """
import asyncio, sys
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from adapters.clock import SystemClock
from adapters.local.database import Database
from adapters.local.submission_index import LocalSubmissionIndex
from shared.ports import IndexEntry, SubmissionState

async def main(folder, *codes):
    index = LocalSubmissionIndex(Database(Path(folder) / "state.db"), SystemClock())
    entry = IndexEntry(
        submission_id="mail-1",
        source="mail",
        received_at="2026-11-24T12:00:00.000Z",
        state=SubmissionState.DONE,
    )
    for code in cycle(codes):
        await index.put(replace(entry, categories=(code,)))
        print(code, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_database_of_the_first_release_is_brought_up_to_date(tmp_path: Path) -> None:
    old = replace(ENTRY, escalated=(1,))
    with local_database(tmp_path) as database:
        await LocalSubmissionIndex(database, ManualClock()).put(old)
    _take_back_to_the_first_release(tmp_path / "state.db")

    with local_database(tmp_path) as database:
        assert await database.read(version) == VERSION
        index = LocalSubmissionIndex(database, ManualClock())
        assert await index.list() == (old,)
        assert await index.list(category=SPORT) == ()

        filed = replace(old, categories=(SPORT,))
        await index.put(filed)
        assert await index.list(category=SPORT) == (filed,)


def _take_back_to_the_first_release(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        ALTER TABLE jobs DROP COLUMN sender;
        ALTER TABLE jobs DROP COLUMN kind;
        ALTER TABLE jobs DROP COLUMN content;
        ALTER TABLE jobs DROP COLUMN cost_s;
        CREATE INDEX jobs_next ON jobs (priority, sequence);
        DROP TABLE intakes;
        DROP TABLE filed;
        ALTER TABLE submissions DROP COLUMN categories;
        PRAGMA user_version = 1;
        """
    )
    connection.close()


async def test_a_process_that_is_killed_while_it_refiles_leaves_no_list_half_changed(
    tmp_path: Path,
) -> None:
    for _ in range(5):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", REFILER, str(tmp_path), SPORT, ARTS),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        for _ in range(20):
            await process.stdout.readline()
        process.kill()
        await process.communicate()

        with local_database(tmp_path) as database:
            index = LocalSubmissionIndex(database, ManualClock())
            (entry,) = await index.list()
            assert entry.categories in {(SPORT,), (ARTS,)}
            for code in (SPORT, ARTS):
                listed = await index.list(category=code)
                assert listed == ((entry,) if entry.categories == (code,) else ())
