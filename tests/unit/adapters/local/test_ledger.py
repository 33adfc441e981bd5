"""Notes of what must happen once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.local.ledger import Ledger
from tests.support.clocks import ManualClock
from tests.support.local_services import local_database

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_note_is_kept_and_may_be_replaced(tmp_path: Path) -> None:
    with local_database(tmp_path) as database:
        ledger = Ledger(database, ManualClock(), "replies")
        await ledger.put("a", b"1")
        await ledger.put("a", b"2")

        assert await ledger.get("a") == b"2"
        assert await ledger.get("b") is None
        assert await Ledger(database, ManualClock(), "notices").get("a") is None


async def test_the_first_note_wins(tmp_path: Path) -> None:
    with local_database(tmp_path) as database:
        ledger = Ledger(database, ManualClock(), "replies")

        assert await ledger.put_new("a", b"1") == b"1"
        assert await ledger.put_new("a", b"2") == b"1"
        assert await ledger.get("a") == b"1"


async def test_old_notes_are_forgotten(tmp_path: Path) -> None:
    clock = ManualClock()
    with local_database(tmp_path) as database:
        ledger = Ledger(database, clock, "replies", kept_for=timedelta(days=30))
        await ledger.put("old", b"")
        clock.advance(days=31)
        await ledger.put("new", b"")

        assert await ledger.get("old") is None
        assert await ledger.get("new") == b""
