"""What every SubmissionIndex must keep. An adapter joins by another parameter of the `index`
fixture.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.azure.submission_index import TableSubmissionIndex
from adapters.local.submission_index import LocalSubmissionIndex
from shared.ports import IndexEntry, SubmissionState
from tests.support.azure_services import azure_tables
from tests.support.clocks import ManualClock
from tests.support.local_services import local_database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from shared.ports import SubmissionIndex
    from tests.support.azurite import Azurite

ENTRY = IndexEntry(
    submission_id="mail-1",
    source="mail",
    received_at="2026-11-24T12:00:00.000Z",
    state=SubmissionState.ACCEPTED,
    media=3,
    updated_at="2026-11-24T12:00:01.000Z",
)
ON_THE_WAY = [SubmissionState.ACCEPTED, SubmissionState.DESCRIBING, SubmissionState.ANSWERING]


@pytest.fixture(params=["local", "azure"])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[SubmissionIndex]:
    if request.param == "local":
        with local_database(tmp_path) as database:
            yield LocalSubmissionIndex(database, ManualClock())
    else:
        azurite: Azurite = request.getfixturevalue("azurite")
        async with azure_tables(azurite.settings()) as tables:
            yield TableSubmissionIndex(tables, ManualClock())


async def state_after(index: SubmissionIndex, *states: SubmissionState) -> SubmissionState:
    for state in states:
        await index.put(replace(ENTRY, state=state))
    entry = await index.get(ENTRY.submission_id)
    assert entry is not None
    return entry.state


async def test_an_entry_comes_back_as_it_was_put(index: SubmissionIndex) -> None:
    entry = replace(ENTRY, outcome="partly", escalated=(2, 3), reason="Because.")

    await index.put(entry)

    assert await index.get("mail-1") == entry
    assert await index.get("mail-2") is None


async def test_the_time_of_the_update_is_filled_in(index: SubmissionIndex) -> None:
    await index.put(replace(ENTRY, updated_at=""))

    entry = await index.get("mail-1")

    assert entry is not None
    assert entry.updated_at == "2026-11-24T12:00:00.000Z"


async def test_an_entry_of_the_same_state_replaces(index: SubmissionIndex) -> None:
    await index.put(replace(ENTRY, escalated=(1, 2)))
    await index.put(replace(ENTRY, escalated=(2,)))

    entry = await index.get("mail-1")

    assert entry is not None
    assert entry.escalated == (2,)


async def test_a_state_goes_forward(index: SubmissionIndex) -> None:
    assert await state_after(index, *ON_THE_WAY, SubmissionState.DONE) == SubmissionState.DONE


@pytest.mark.parametrize("earlier", ON_THE_WAY)
@pytest.mark.parametrize("later", [SubmissionState.DONE, SubmissionState.DEAD_LETTERED])
async def test_a_state_never_goes_back(
    index: SubmissionIndex, later: SubmissionState, earlier: SubmissionState
) -> None:
    assert await state_after(index, later, earlier) == later


async def test_what_is_done_cannot_be_given_up(index: SubmissionIndex) -> None:
    done, dead = SubmissionState.DONE, SubmissionState.DEAD_LETTERED

    assert await state_after(index, done, dead) == done


async def test_a_dead_lettered_submission_is_reopened_on_request(index: SubmissionIndex) -> None:
    await index.put(replace(ENTRY, state=SubmissionState.DEAD_LETTERED, reason="It failed."))

    assert await index.reopen("mail-1")
    assert not await index.reopen("mail-1")
    assert not await index.reopen("unknown")

    entry = await index.get("mail-1")
    assert entry is not None
    assert (entry.state, entry.reason) == (SubmissionState.ACCEPTED, "")
    assert await state_after(index, SubmissionState.DESCRIBING) == SubmissionState.DESCRIBING


async def test_entries_are_listed_newest_first_through_filters(index: SubmissionIndex) -> None:
    for number, state in enumerate(SubmissionState):
        await index.put(
            replace(
                ENTRY,
                submission_id=f"mail-{number}",
                received_at=f"2026-11-2{number}T12:00:00.000Z",
                state=state,
                escalated=(1,) if number % 2 else (),
            )
        )

    async def listed(**filters: object) -> list[str]:
        entries = await index.list(**filters)  # pyright: ignore[reportArgumentType]
        return [entry.submission_id.removeprefix("mail-") for entry in entries]

    assert await listed() == ["4", "3", "2", "1", "0"]
    assert await listed(limit=2) == ["4", "3"]
    assert await listed(state=SubmissionState.DONE) == ["3"]
    assert await listed(escalated_only=True) == ["3", "1"]
    assert await listed(escalated_only=True, state=SubmissionState.ACCEPTED) == []


async def take(index: SubmissionIndex, reply_id: str, *, who: str = "a@b.example") -> bool:
    return await index.take_answer(reply_id=reply_id, recipient=who, day="2026-11-24", limit=2)


async def test_a_recipient_gets_no_more_answers_than_the_days_limit(
    index: SubmissionIndex,
) -> None:
    assert [await take(index, reply_id) for reply_id in ("1", "2", "3")] == [True, True, False]
    assert await take(index, "4", who="c@d.example")
    assert await index.take_answer(reply_id="5", recipient="a@b.example", day="2026-11-25", limit=2)


async def test_the_same_answer_gets_the_first_verdict_again(index: SubmissionIndex) -> None:
    verdicts = [await take(index, reply_id) for reply_id in ("1", "2", "3")]

    assert [await take(index, reply_id) for reply_id in ("1", "2", "3")] == verdicts


async def test_the_case_of_an_address_makes_no_second_recipient(index: SubmissionIndex) -> None:
    assert await take(index, "1", who="A@B.example")
    assert await take(index, "2", who="a@b.EXAMPLE")
    assert not await take(index, "3")


async def test_answers_that_are_taken_at_once_keep_the_limit(index: SubmissionIndex) -> None:
    verdicts = await asyncio.gather(*(take(index, str(number)) for number in range(10)))

    assert verdicts.count(True) == 2


def test_no_address_is_kept(tmp_path: Path) -> None:
    with local_database(tmp_path) as database:
        asyncio.run(
            take(LocalSubmissionIndex(database, ManualClock()), "1", who="secret@b.example")
        )

    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert files
    assert not any(b"secret" in content for content in files)
