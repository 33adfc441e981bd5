"""What an older release has stored is read by today's, and no name that it used is gone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.azure.index_rows import LAYOUT, entry_of, rows_of, truth_key
from adapters.local import schema
from adapters.local.durable.history_store import HistoryStore
from adapters.local.intake_journal import LocalIntakeJournal
from adapters.local.ledger import Ledger
from shared.codec import from_json
from shared.model import LinkedAttachment, SubmissionQueued
from tests.histories.record_values import example_of
from tests.support.clocks import START, ManualClock
from tests.support.local_services import local_services
from tests.support.stored_rows import (
    DATABASES,
    ENTRY,
    JOB,
    LEDGER,
    ROWS,
    check_tables,
    lay_out,
    tables_of,
)
from tests.support.stored_values import (
    TYPES,
    check_names,
    check_values,
    load_examples,
    load_names,
    names_of_today,
)

if TYPE_CHECKING:
    import sqlite3

NAMES = names_of_today()
STATES = sorted(DATABASES.glob("state-*.sql"))
ENGINES = sorted(DATABASES.glob("engine-*.sql"))


@pytest.mark.parametrize("name", TYPES)
def test_a_stored_value_of_every_release_is_read(name: str) -> None:
    examples = [release[name] for release in load_examples() if name in release]
    assert examples, "run: python -m tests.histories.record_values"
    told = check_values(name, TYPES[name], examples)
    assert not told, told


@pytest.mark.parametrize("what", NAMES)
def test_no_name_of_an_older_release_is_gone(what: str) -> None:
    told = check_names(what, load_names(what), NAMES[what])
    assert not told, told


@pytest.mark.parametrize("dump", STATES, ids=lambda dump: dump.stem)
async def test_the_state_of_every_release_is_read(dump: Path, tmp_path: Path) -> None:
    lay_out(dump, tmp_path / "state.db")
    with local_services(tmp_path, ManualClock()) as services:
        assert await services.index.get(ENTRY.submission_id) == ENTRY
        assert list(await services.index.list(category="medtop:15000000")) == [ENTRY]
        (message,) = await services.queue.receive(max_messages=1, max_wait_s=0)
        queued = from_json(message.body, SubmissionQueued, where="the queue")
        assert queued.submission_id == ENTRY.submission_id
        assert await Ledger(services.database, services.clock, LEDGER).get("a key") == b"a value"
        journal = LocalIntakeJournal(services.database)
        (cut_off,) = await journal.cut_off(now=START.timestamp() + 60)
        assert cut_off.submission_id == ENTRY.submission_id
        assert await services.database.read(_stored) == (JOB, "submission.accepted.v1")


@pytest.mark.parametrize("dump", STATES, ids=lambda dump: dump.stem)
def test_an_upgraded_state_has_the_tables_of_a_new_one(dump: Path, tmp_path: Path) -> None:
    upgraded = _upgraded_state(dump, tmp_path)
    with local_services(tmp_path / "new"):
        pass
    told = check_tables("state.db", upgraded, tables_of(tmp_path / "new" / "state.db"))
    assert not told, told


@pytest.mark.parametrize("dump", ENGINES, ids=lambda dump: dump.stem)
def test_the_engines_file_of_every_release_is_read(dump: Path, tmp_path: Path) -> None:
    lay_out(dump, tmp_path / "engine.db")
    store = HistoryStore(tmp_path / "engine.db", durability="NORMAL")
    with store.transaction():
        loaded = {instance_id: store.load(instance_id) for instance_id in store.live()}
    store.close()
    assert all(loaded.values())
    assert "process_submission" in {it[0].name for it in loaded.values() if it}
    HistoryStore(tmp_path / "new.db", durability="NORMAL").close()
    fresh = tables_of(tmp_path / "new.db")
    told = check_tables("engine.db", tables_of(tmp_path / "engine.db"), fresh)
    assert not told, told


@pytest.mark.parametrize("file", sorted(ROWS.glob("index-*.json")), ids=lambda file: file.stem)
def test_the_rows_of_every_release_are_read_and_found(file: Path) -> None:
    rows = json.loads(file.read_text("utf-8"))
    assert [entry_of(row) for row in rows.values()] == [ENTRY] * len(rows)
    assert rows.keys() <= rows_of(ENTRY).keys(), (
        "A key of a row has changed, and rows of an older release would not be found: keep the old"
        " key and add a new one beside it; see docs/changing.md."
    )


def test_the_primary_row_says_with_which_layout_it_was_written() -> None:
    layouts = {key: row.get("layout") for key, row in rows_of(ENTRY).items()}
    assert layouts.pop(truth_key(ENTRY.submission_id)) == LAYOUT
    assert set(layouts.values()) == {None}


def test_a_new_field_without_a_default_is_answered_with_what_to_do() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Changed(LinkedAttachment):
        fetched_at: str

    told = check_values("LinkedAttachment", Changed, [example_of(LinkedAttachment)])
    assert told == (
        "LinkedAttachment does not read any more what an older release has stored: Object missing"
        " required field `fetched_at`. A new field needs a default, and one that was stored keeps"
        " its name, its type and its meaning; see docs/changing.md."
    )


def test_a_field_that_is_renamed_is_noticed() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Changed:
        submission: str = ""
        schema: str = field(default="submission-queued/1")

    told = check_values("SubmissionQueued", Changed, [example_of(SubmissionQueued)])
    assert "a field that was stored is lost or changed" in told


def test_a_new_field_with_a_default_is_welcome() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Changed(LinkedAttachment):
        fetched_at: str = ""

    assert not check_values("LinkedAttachment", Changed, [example_of(LinkedAttachment)])


def test_a_setting_that_is_gone_is_answered_with_what_to_do() -> None:
    known = load_names("settings")
    told = check_names("settings", known, set(known) - {"MAIL_INGEST_KEYS"})
    assert told == (
        "Of the settings that an older release has used, these are gone: MAIL_INGEST_KEYS. What is"
        " stored, set or called by them would not be found: keep the old name, and add a new one"
        " beside it; see docs/changing.md."
    )


def test_a_released_step_of_the_tables_that_is_edited_is_answered_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    upgraded = _upgraded_state(STATES[0], tmp_path)
    edited = tuple(it.replace("reason TEXT", "why TEXT") for it in schema._STEPS[0])  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(schema, "_STEPS", (edited, *schema._STEPS[1:]))  # pyright: ignore[reportPrivateUsage]
    with local_services(tmp_path / "new"):
        pass
    told = check_tables("state.db", upgraded, tables_of(tmp_path / "new" / "state.db"))
    assert told == (
        "An upgraded state.db has other tables than a new one: queue, submissions. A step of the"
        " layout that was released is never edited: add a new step at the end; see"
        " docs/changing.md."
    )


def _upgraded_state(dump: Path, folder: Path) -> dict[str, str]:
    """The tables of an older release's state after today's has opened it."""
    lay_out(dump, folder / "state.db")
    with local_services(folder):
        pass
    return tables_of(folder / "state.db")


def _stored(connection: sqlite3.Connection) -> tuple[object, str]:
    (job,) = connection.execute("SELECT job FROM jobs").fetchone()
    (event,) = connection.execute("SELECT event FROM events").fetchone()
    kind: str = json.loads(event)["type"]
    return from_json(job, type(JOB), where="jobs"), kind.split(".", 2)[2]
