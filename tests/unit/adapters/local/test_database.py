"""The state database: group commit, several processes, and every way in which a file can be bad."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adapters.local.database import Database
from adapters.local.schema import VERSION
from shared.errors import (
    NewerStateError,
    ServiceUnavailableError,
    StorageCorruptError,
    StorageFullError,
)
from tests.support.local_services import local_database

PROJECT = Path(__file__).parents[4]
ADD = "INSERT INTO ledger (name, key, value, at) VALUES ('test', ?, ?, 0)"

WRITER = """
import asyncio, sys
from pathlib import Path
from adapters.local.database import Database

async def main(folder, name):
    database = Database(Path(folder) / "state.db")
    for n in range({count}):
        row = (f"{{name}}-{{n:03}}",)
        statement = "INSERT INTO ledger (name, key, value, at) VALUES ('test', ?, '', 0)"
        await database.write(lambda it: it.execute(statement, row).rowcount)
        {after}
    database.close()

asyncio.run(main(*sys.argv[1:]))
"""


def add(connection: sqlite3.Connection, key: str, value: bytes = b"") -> int:
    return connection.execute(ADD, (key, value)).rowcount


def keys(connection: sqlite3.Connection) -> list[str]:
    return [key for (key,) in connection.execute("SELECT key FROM ledger ORDER BY key")]


async def test_a_write_is_read_afterwards_and_after_a_restart(tmp_path: Path) -> None:
    with local_database(tmp_path) as database:
        assert await database.write(lambda it: add(it, "a")) == 1
        assert await database.read(keys) == ["a"]
    with local_database(tmp_path) as database:
        assert await database.read(keys) == ["a"]


async def test_writes_that_wait_share_one_commit(tmp_path: Path) -> None:
    commits: list[str] = []
    go = threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(commits.append)
        go.wait(5)

    with local_database(tmp_path) as database:
        held = asyncio.ensure_future(database.write(hold))
        await asyncio.sleep(0.05)
        writes = [
            asyncio.ensure_future(database.write(lambda it, n=n: add(it, f"{n:03}")))
            for n in range(200)
        ]
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(held, *writes)

        assert commits.count("COMMIT") == 2
        assert len(await database.read(keys)) == 200


async def test_a_write_that_raises_is_undone_alone(tmp_path: Path) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        add(connection, "undone")
        raise ZeroDivisionError

    with local_database(tmp_path) as database:
        results = await asyncio.gather(
            database.write(lambda it: add(it, "before")),
            database.write(fail),
            database.write(lambda it: add(it, "after")),
            return_exceptions=True,
        )

        assert results[0] == results[2] == 1
        assert isinstance(results[1], ZeroDivisionError)
        assert await database.read(keys) == ["after", "before"]


async def test_a_mistake_in_our_sql_stays_what_it_is(tmp_path: Path) -> None:
    with local_database(tmp_path) as database:
        for use in (database.write, database.read):
            with pytest.raises(sqlite3.OperationalError, match="syntax error"):
                await use(lambda it: it.execute("DELETE nothing"))


async def test_a_cancelled_write_does_not_hurt_the_others(tmp_path: Path) -> None:
    with local_database(tmp_path) as database:
        cancelled = asyncio.ensure_future(database.write(lambda it: add(it, "cancelled")))
        other = asyncio.ensure_future(database.write(lambda it: add(it, "other")))
        await asyncio.sleep(0)
        cancelled.cancel()

        assert await other == 1


async def test_a_closed_database_refuses_work_and_keeps_what_waited(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    write = asyncio.ensure_future(database.write(lambda it: add(it, "a")))
    await asyncio.sleep(0)
    database.close()
    database.close()

    assert await write == 1
    with pytest.raises(RuntimeError, match="closed"):
        await database.write(lambda it: add(it, "b"))


async def test_two_processes_write_at_the_same_time(tmp_path: Path) -> None:
    program = WRITER.format(count=40, after="pass")
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, str(tmp_path), str(number)), cwd=PROJECT
        )
        for number in range(3)
    ]
    assert [await process.wait() for process in processes] == [0, 0, 0]

    with local_database(tmp_path) as database:
        assert len(await database.read(keys)) == 120


async def test_a_commit_of_another_process_wakes_the_waiters(tmp_path: Path) -> None:
    with local_database(tmp_path) as database, local_database(tmp_path) as other:
        wakeup = database.wakeup("anything")
        seen = wakeup.count
        await other.write(lambda it: add(it, "a"))

        async with asyncio.timeout(60):
            await wakeup.wait(seen)


async def test_what_was_committed_survives_a_killed_process(tmp_path: Path) -> None:
    program = WRITER.format(count=1000, after="print(n, flush=True)")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(tmp_path), "0"), cwd=PROJECT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    last = [int(await process.stdout.readline()) for _ in range(20)][-1]
    process.kill()
    rest, _ = await process.communicate()
    last = int((rest.split() or [str(last).encode()])[-1])

    with local_database(tmp_path) as database:
        assert len(await database.read(keys)) >= last + 1


def test_a_database_of_a_newer_release_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with local_database(tmp_path):
        pass
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(NewerStateError, match="written by a newer release"):
        Database(path)

    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is no database, but long enough to look at" * 100)

    with pytest.raises(StorageCorruptError, match="cannot be read"):
        Database(tmp_path / "state.db")


async def test_a_damaged_page_is_named_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with local_database(tmp_path) as database:
        for number in range(50):
            await database.write(lambda it, n=number: add(it, str(n), b"x" * 3000))
    content = bytearray(path.read_bytes())
    for page in range(len(content) // 8192 * 4096, len(content), 4096):
        content[page : page + 4096] = b"\xff" * 4096
    path.write_bytes(content)

    with local_database(tmp_path) as database:
        with pytest.raises(StorageCorruptError):
            await database.read(lambda it: it.execute("SELECT * FROM ledger").fetchall())
        with pytest.raises(StorageCorruptError):
            await database.write(lambda it: it.execute("UPDATE ledger SET at = 1").rowcount)


async def test_a_full_disk_fails_the_write_and_only_as_long_as_it_is_full(tmp_path: Path) -> None:
    def limit_pages(connection: sqlite3.Connection, pages: int) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with local_database(tmp_path) as database:
        await database.write(lambda it: add(it, "before"))
        await database.write(lambda it: limit_pages(it, 40))

        results = await asyncio.gather(
            database.write(lambda it: add(it, "large", b"x" * 1_000_000)),
            database.write(lambda it: add(it, "small")),
            return_exceptions=True,
        )
        assert isinstance(results[0], StorageFullError)
        assert "state.db is full" in str(results[0])

        await database.write(lambda it: limit_pages(it, 100_000))
        await database.write(lambda it: add(it, "large", b"x" * 1_000_000))
        assert "large" in await database.read(keys)
        assert ("small" in await database.read(keys)) == (results[1] == 1)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()

    with pytest.raises(ServiceUnavailableError, match="cannot be opened"):
        Database(tmp_path / "state.db")


async def test_waiting_for_work_costs_next_to_nothing(tmp_path: Path) -> None:
    with local_database(tmp_path):
        before = os.times()
        await asyncio.sleep(1)
        after = os.times()

    assert after.user + after.system - before.user - before.system < 0.1
