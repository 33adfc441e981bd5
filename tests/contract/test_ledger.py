"""What the ledger of the Graph adapters does, in a dictionary and in Table Storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from adapters.azure.ledger import Ledger, TableLedger
from adapters.azure.tables import Tables
from tests.support.azurite import Azurite
from tests.support.graph_memory import MemoryLedger


@pytest.fixture(params=["memory", "table"])
async def ledger(request: pytest.FixtureRequest) -> AsyncGenerator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    azurite: Azurite = request.getfixturevalue("azurite")
    tables = Tables.open(azurite.settings())
    yield TableLedger(tables.table("ledger"))
    await tables.close()


async def test_what_was_never_noted_is_not_there(ledger: Ledger) -> None:
    assert await ledger.get("draft", "a") is None


async def test_a_note_is_replaced(ledger: Ledger) -> None:
    await ledger.put("draft", "notice:a/b#1?", "one")
    await ledger.put("draft", "notice:a/b#1?", "two ø 写真")
    assert await ledger.get("draft", "notice:a/b#1?") == "two ø 写真"


async def test_names_keep_their_notes_apart(ledger: Ledger) -> None:
    await ledger.put("draft", "a", "one")
    await ledger.put("sent", "a", "two")
    assert await ledger.get("draft", "a") == "one"


async def test_the_first_note_stays(ledger: Ledger) -> None:
    assert await ledger.put_new("draft", "a", "one") == "one"
    assert await ledger.put_new("draft", "a", "two") == "one"
    assert await ledger.get("draft", "a") == "one"


async def test_of_many_first_notes_at_once_all_see_the_same(ledger: Ledger) -> None:
    notes = await asyncio.gather(*(ledger.put_new("draft", "a", str(n)) for n in range(6)))
    assert len(set(notes)) == 1
