"""What TableSubmissionIndex does beyond the contract: several writers, midnight, old answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.azure.index_rows import MOST_CATEGORIES, rows_of
from adapters.azure.submission_index import TableSubmissionIndex
from adapters.azure.tables import create, delete
from shared.errors import ServiceUnavailableError
from shared.ports import IndexEntry, SubmissionState
from tests.support.azure_services import azure_tables
from tests.support.clocks import ManualClock
from tests.support.fault_proxy import Cut, fault_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from adapters.azure.tables import Change, Tables
    from tests.support.azurite import Azurite

ENTRY = IndexEntry(
    submission_id="mail-1",
    source="mail",
    received_at="2026-11-24T12:00:00.000Z",
    state=SubmissionState.ACCEPTED,
    updated_at="2026-11-24T12:00:01.000Z",
)


@pytest.fixture
async def tables(azurite: Azurite) -> AsyncGenerator[Tables]:
    async with azure_tables(azurite.settings()) as opened:
        yield opened


@pytest.fixture
def index(tables: Tables) -> TableSubmissionIndex:
    return TableSubmissionIndex(tables, ManualClock())


async def partitions(tables: Tables, table: str) -> set[str]:
    rows = tables.table(table).query("PartitionKey ge @first", first="")
    return {row.row["PartitionKey"] async for row in rows}


async def test_an_index_that_was_never_written_is_empty(index: TableSubmissionIndex) -> None:
    assert await index.get("mail-1") is None
    assert await index.list() == ()
    assert not await index.reopen("mail-1")


async def test_a_submission_is_in_the_lists_of_its_state_only(index: TableSubmissionIndex) -> None:
    for state in (SubmissionState.ACCEPTED, SubmissionState.DESCRIBING, SubmissionState.DONE):
        await index.put(replace(ENTRY, state=state))

        for listed in SubmissionState:
            expected = 1 if listed is state else 0
            assert len(await index.list(state=listed)) == expected
        assert len(await index.list()) == 1


async def test_what_the_desk_has_seen_waits_no_longer(index: TableSubmissionIndex) -> None:
    await index.put(replace(ENTRY, state=SubmissionState.DONE, escalated=(1,)))
    assert len(await index.list(escalated_only=True)) == 1

    await index.put(replace(ENTRY, state=SubmissionState.DONE, escalated=()))
    assert await index.list(escalated_only=True) == ()


async def test_writers_at_once_leave_the_latest_state_in_one_list(tables: Tables) -> None:
    indexes = [TableSubmissionIndex(tables, ManualClock()) for _ in range(3)]
    entries = [
        replace(ENTRY, state=state, reason=str(number))
        for state in SubmissionState
        for number in range(2)
    ]

    await asyncio.gather(*(indexes[number % 3].put(entry) for number, entry in enumerate(entries)))

    (listed,) = await indexes[0].list()
    assert listed.state is SubmissionState.DONE
    assert await indexes[0].list(state=SubmissionState.DONE) == (listed,)
    assert await indexes[0].get("mail-1") == listed
    for state in set(SubmissionState) - {SubmissionState.DONE}:
        assert await indexes[0].list(state=state) == ()


async def test_many_submissions_are_listed_by_time_over_all_partitions(
    index: TableSubmissionIndex,
) -> None:
    times = [f"2026-11-24T12:00:{second:02}.000Z" for second in range(40)]
    await asyncio.gather(
        *(
            index.put(replace(ENTRY, submission_id=f"mail-{time}", received_at=time))
            for time in times
        )
    )

    assert [entry.received_at for entry in await index.list()] == times[::-1]
    newest = await index.list(state=SubmissionState.ACCEPTED, limit=7)
    assert [entry.received_at for entry in newest] == times[:-8:-1]


SPORT, ARTS = "medtop:15000000", "medtop:01000000"


@pytest.mark.parametrize("cut", Cut)
async def test_a_refiling_that_is_cut_off_anywhere_leaves_no_list_half_changed(
    azurite: Azurite, cut: Cut
) -> None:
    async with (
        fault_proxy(azurite.url("Table").rpartition("/")[0]) as proxy,
        azure_tables(azurite.settings(Table=proxy.port)) as tables,
    ):
        index = TableSubmissionIndex(tables, ManualClock())
        await index.put(replace(ENTRY, categories=(SPORT,)))
        seen = set[tuple[str, ...] | None]()
        for at_request in (0, 1):  # the reading, and the writing
            proxy.faults, proxy.always = [None] * at_request, cut
            with pytest.raises(ServiceUnavailableError):
                await index.put(replace(ENTRY, categories=(ARTS,)))
            assert proxy.faults == []
            proxy.always = None

            (entry,) = await index.list()
            assert await index.get("mail-1") == entry
            for code in (SPORT, ARTS):
                listed = await index.list(category=code)
                assert listed == ((entry,) if entry.categories == (code,) else ())
                assert await index.list(category=code, state=ENTRY.state) == listed
            seen.add(entry.categories)
        assert seen == ({(SPORT,), (ARTS,)} if cut is Cut.AFTER else {(SPORT,)})

        await index.put(replace(ENTRY, categories=(ARTS,)))
        assert await index.list(category=SPORT) == ()
        assert len(await index.list(category=ARTS)) == 1


async def test_rows_of_an_older_release_are_read_and_filed_with_the_next_write(
    index: TableSubmissionIndex, tables: Tables
) -> None:
    done = replace(ENTRY, state=SubmissionState.DONE, escalated=(1,))
    rows = rows_of(done).values()
    old = [{name: row[name] for name in row if name != "categories"} for row in rows]
    await tables.table("Submissions").change(*map(create, old))

    assert await index.list() == (done,)
    assert await index.get("mail-1") == done

    filed = replace(done, categories=(SPORT,), escalated=())
    await index.put(filed)
    assert await index.list(category=SPORT) == (filed,)
    assert await index.list(escalated_only=True) == ()
    assert await index.list() == (filed,)


async def test_more_categories_than_fit_into_one_change_are_kept_and_the_first_are_listed(
    index: TableSubmissionIndex,
) -> None:
    def filed(first: int) -> IndexEntry:
        codes = tuple(f"medtop:{number:08}" for number in range(first, first + 60))
        return replace(ENTRY, received_at=f"2026-11-24T12:{first:02}:00Z", categories=codes)

    before, after = filed(0), filed(30)
    for entry in (before, replace(after, state=SubmissionState.DONE, escalated=(1,))):
        await index.put(entry)  # every row that can be left is left, and each new one is new

    (entry,) = await index.list()
    assert entry.categories == after.categories
    assert await index.list(category="medtop:00000000") == ()
    assert await index.list(category="medtop:00000030") == (entry,)
    assert await index.list(category=f"medtop:{30 + MOST_CATEGORIES - 1:08}") == (entry,)
    assert await index.list(category=f"medtop:{30 + MOST_CATEGORIES:08}") == ()


async def test_two_processes_that_refile_at_once_leave_one_filing(tables: Tables) -> None:
    indexes = [TableSubmissionIndex(tables, ManualClock()) for _ in range(3)]
    codes = [f"medtop:{number:08}" for number in range(6)]

    await asyncio.gather(
        *(
            indexes[number % 3].put(replace(ENTRY, categories=(code,)))
            for number, code in enumerate(codes)
        )
    )

    (entry,) = await indexes[0].list()
    listed = {code: await indexes[0].list(category=code) for code in codes}
    assert {code: found for code, found in listed.items() if found} == dict.fromkeys(
        entry.categories or (), (entry,)
    )
    assert len(entry.categories or ()) == 1


async def take(index: TableSubmissionIndex, reply_id: str, day: str, limit: int = 1) -> bool:
    return await index.take_answer(
        reply_id=reply_id, recipient="Secret@b.example", day=day, limit=limit
    )


async def test_a_verdict_outlives_midnight(index: TableSubmissionIndex) -> None:
    assert await take(index, "1", "2026-11-24")
    assert not await take(index, "2", "2026-11-24")

    assert not await take(index, "2", "2026-11-25")
    assert await take(index, "1", "2026-11-25")
    assert await take(index, "3", "2026-11-25"), "the day's one answer was not used up by them"


async def test_the_same_answer_taken_at_once_gets_one_verdict(index: TableSubmissionIndex) -> None:
    days = ["2026-11-24", "2026-11-25"] * 4

    verdicts = await asyncio.gather(*(take(index, "1", day) for day in days))

    assert set(verdicts) == {True}


async def test_a_call_that_died_before_its_verdict_was_kept_is_repeated(
    index: TableSubmissionIndex, tables: Tables
) -> None:
    assert await take(index, "1", "2026-11-24")
    await tables.table("Answers").change(_forget_verdict("1"))

    assert await take(index, "1", "2026-11-24")
    assert not await take(index, "2", "2026-11-24")


def _forget_verdict(reply_id: str) -> Change:
    return delete(f"reply|{reply_id}", "verdict")


async def test_answers_of_more_than_100_days_ago_are_forgotten(
    index: TableSubmissionIndex, tables: Tables
) -> None:
    for number in range(3):
        assert await take(index, str(number), "2026-08-15", limit=9)
    assert await take(index, "3", "2026-08-17", limit=9)

    assert await take(index, "4", "2026-11-24")

    kept = await partitions(tables, "Answers")
    assert {partition[:14] for partition in kept if partition.startswith("day|")} == {
        "day|2026-08-17",
        "day|2026-11-24",
    }
    assert {partition for partition in kept if partition.startswith("reply|")} == {
        "reply|3",
        "reply|4",
    }


async def test_no_address_is_kept(index: TableSubmissionIndex, tables: Tables) -> None:
    await take(index, "1", "2026-11-24")

    rows = [row.row async for row in tables.table("Answers").query("RowKey ge ''")]
    assert rows
    assert "secret" not in repr(rows).casefold()
