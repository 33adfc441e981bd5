"""What every SubmissionIndex must keep. An adapter joins by another parameter of the `index`
fixture.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

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
ARTS, POLITICS, SPORT = "medtop:01000000", "medtop:11000000", "medtop:15000000"
ON_THE_WAY = [SubmissionState.ACCEPTED, SubmissionState.DESCRIBING, SubmissionState.ANSWERING]


class Filters(TypedDict, total=False):
    """Which entries a list may be asked for."""

    state: SubmissionState | None
    category: str | None
    escalated_only: bool


class Page(Filters, total=False):
    """Which of them."""

    after: IndexEntry | None
    limit: int


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
    entry = replace(
        ENTRY, outcome="partly", escalated=(2, 3), categories=(SPORT, ARTS), reason="Because."
    )

    await index.put(entry)

    assert await index.get("mail-1") == entry
    assert await index.get("mail-2") is None


async def test_of_a_reason_without_end_the_beginning_is_kept(index: SubmissionIndex) -> None:
    await index.put(replace(ENTRY, reason="Because of 📷. " * 5000))

    entry = await index.get("mail-1")

    assert entry is not None
    assert entry.reason.startswith("Because of 📷. Because")
    assert entry.reason.endswith("…")
    assert len(entry.reason) == 4000


async def test_a_reason_that_just_fits_stays_whole(index: SubmissionIndex) -> None:
    reason = "Because. " * 444 + "Yes."

    await index.put(replace(ENTRY, reason=reason))

    entry = await index.get("mail-1")
    assert entry is not None
    assert entry.reason == reason


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

    assert await listed(index) == ["4", "3", "2", "1", "0"]
    assert await listed(index, limit=2) == ["4", "3"]
    assert await listed(index, state=SubmissionState.DONE) == ["3"]
    assert await listed(index, escalated_only=True) == ["3", "1"]
    assert await listed(index, escalated_only=True, state=SubmissionState.ACCEPTED) == []


async def listed(index: SubmissionIndex, **page: Unpack[Page]) -> list[str]:
    entries = await index.list(**page)
    return [entry.submission_id.removeprefix("mail-") for entry in entries]


async def put_filed(index: SubmissionIndex, number: int, *codes: str, **more: Any) -> None:
    """One that is done, was received at that minute, and is filed under these categories."""
    entry = replace(
        ENTRY,
        submission_id=f"mail-{number}",
        received_at=f"2026-11-24T12:{number:02}:00.000Z",
        state=SubmissionState.DONE,
        categories=codes,
    )
    await index.put(replace(entry, **more))


async def test_a_category_lists_what_is_filed_under_it_newest_first(
    index: SubmissionIndex,
) -> None:
    await put_filed(index, 1, SPORT)
    await put_filed(index, 2, ARTS)
    await put_filed(index, 3, ARTS, SPORT)
    await put_filed(index, 4)

    assert await listed(index, category=SPORT) == ["3", "1"]
    assert await listed(index, category=ARTS) == ["3", "2"]
    assert await listed(index, category=SPORT, limit=1) == ["3"]
    assert await listed(index) == ["4", "3", "2", "1"]


async def test_a_category_that_nothing_is_filed_under_lists_nothing(
    index: SubmissionIndex,
) -> None:
    await put_filed(index, 1, SPORT)

    for category in (ARTS, "sport", "medtop", f"{SPORT}|done", "it's no code", ""):
        assert await listed(index, category=category) == []
        assert await listed(index, category=category, state=SubmissionState.DONE) == []


async def test_a_submission_without_an_outcome_is_in_no_category(index: SubmissionIndex) -> None:
    await index.put(ENTRY)

    entry = await index.get("mail-1")

    assert entry is not None
    assert entry.categories is None


async def test_a_category_is_combined_with_the_other_filters(index: SubmissionIndex) -> None:
    await put_filed(index, 1, SPORT)
    await put_filed(index, 2, SPORT, escalated=(1,))
    await put_filed(index, 3, SPORT, state=SubmissionState.ANSWERING)
    await put_filed(index, 4, ARTS, state=SubmissionState.ANSWERING, escalated=(2,))

    assert await listed(index, category=SPORT, state=SubmissionState.ANSWERING) == ["3"]
    assert await listed(index, category=SPORT, state=SubmissionState.DONE) == ["2", "1"]
    assert await listed(index, category=SPORT, state=SubmissionState.ACCEPTED) == []
    assert await listed(index, category=SPORT, escalated_only=True) == ["2"]
    assert await listed(index, category=ARTS, escalated_only=True) == ["4"]
    done = SubmissionState.DONE
    assert await listed(index, category=ARTS, escalated_only=True, state=done) == []


async def test_what_is_refiled_is_in_its_new_categories_only(index: SubmissionIndex) -> None:
    await put_filed(index, 1, SPORT, ARTS)
    await put_filed(index, 1, POLITICS, ARTS)

    assert await listed(index, category=SPORT) == []
    assert await listed(index, category=SPORT, state=SubmissionState.DONE) == []
    assert await listed(index, category=ARTS) == ["1"]
    assert await listed(index, category=POLITICS) == ["1"]
    assert await listed(index, category=POLITICS, state=SubmissionState.DONE) == ["1"]


async def test_what_came_too_late_to_be_written_refiles_nothing(index: SubmissionIndex) -> None:
    await put_filed(index, 1, SPORT)
    await put_filed(index, 1, ARTS, state=SubmissionState.ANSWERING)

    assert await listed(index, category=SPORT) == ["1"]
    assert await listed(index, category=ARTS) == []


async def test_a_category_that_is_named_twice_lists_once(index: SubmissionIndex) -> None:
    await put_filed(index, 1, SPORT, SPORT)

    assert await listed(index, category=SPORT) == ["1"]


async def test_what_is_reopened_stays_in_its_categories(index: SubmissionIndex) -> None:
    await put_filed(index, 1, SPORT, state=SubmissionState.DEAD_LETTERED)
    assert await listed(index, category=SPORT, state=SubmissionState.DEAD_LETTERED) == ["1"]

    await index.reopen("mail-1")

    assert await listed(index, category=SPORT, state=SubmissionState.ACCEPTED) == ["1"]
    assert await listed(index, category=SPORT, state=SubmissionState.DEAD_LETTERED) == []


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(category=SPORT),
        Filters(state=SubmissionState.DONE),
        Filters(category=SPORT, state=SubmissionState.DONE),
        Filters(escalated_only=True),
        Filters(category=SPORT, escalated_only=True),
    ],
    ids=lambda filters: "-".join(filters) or "all",
)
async def test_pages_hold_every_entry_once_and_in_order(
    index: SubmissionIndex, filters: Filters
) -> None:
    for number in range(13):
        # Three at a time were received in the same instant.
        received_at = f"2026-11-24T12:{number // 3:02}:00.000Z"
        await put_filed(index, number, SPORT, escalated=(1,), received_at=received_at)
    await put_filed(index, 20, ARTS, state=SubmissionState.ANSWERING)
    whole = await index.list(**filters)
    assert len(whole) in (13, 14)

    pages = [await index.list(**filters, limit=4)]
    while pages[-1]:
        pages.append(await index.list(**filters, limit=4, after=pages[-1][-1]))

    assert [entry for page in pages for entry in page] == list(whole)


async def test_a_page_goes_on_after_an_entry_that_has_moved_away(index: SubmissionIndex) -> None:
    for number in range(4):
        await put_filed(index, number, SPORT)
    (*_, last) = await index.list(category=SPORT, limit=2)
    await index.put(replace(last, categories=(ARTS,)))
    await put_filed(index, 9, SPORT)

    assert await listed(index, category=SPORT, after=last) == ["1", "0"]


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
