"""What every IntakeJournal does. `a` and `b` are two processes with one journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from adapters.azure.intake_journal import TableIntakeJournal
from adapters.local.intake_journal import LocalIntakeJournal
from shared.ports import IntakeAttempt, IntakeJournal
from tests.support.azure_services import azure_tables
from tests.support.azurite import Azurite
from tests.support.local_services import local_database

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_000_000.0
DAY = 24 * 3600.0
ID = "mail-one"


@dataclass(frozen=True, slots=True)
class Two:
    """The journal as two processes see it."""

    a: IntakeJournal
    b: IntakeJournal


@pytest.fixture(params=["local", "azure"])
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Two]:
    async with AsyncExitStack() as stack:
        if request.param == "local":
            a, b = (stack.enter_context(local_database(tmp_path)) for _ in range(2))
            yield Two(LocalIntakeJournal(a), LocalIntakeJournal(b))
            return
        azurite: Azurite = request.getfixturevalue("azurite")
        tables = await stack.enter_async_context(azure_tables(azurite.settings()))
        table = tables.table("Intakes")
        yield Two(TableIntakeJournal(table), TableIntakeJournal(table))


async def begun(
    journal: IntakeJournal, *, now: float = NOW, until: float = NOW + 45
) -> IntakeAttempt:
    attempt = await journal.begin(ID, now=now, until=until)
    assert attempt is not None
    return attempt


async def cut_off(two: Two, now: float = NOW + 60) -> list[tuple[str, float]]:
    return [(each.submission_id, each.begun_at) for each in await two.b.cut_off(now=now)]


async def test_an_attempt_that_left_nothing_to_be_done_leaves_nothing(two: Two) -> None:
    attempt = await begun(two.a)
    assert attempt.number == 1
    await two.a.end(attempt, settled=True)
    assert await cut_off(two, NOW + DAY) == []
    assert (await begun(two.b)).number == 1


async def test_an_attempt_that_is_under_way_is_not_cut_off(two: Two) -> None:
    attempt = await begun(two.a)
    assert await cut_off(two, NOW + 30) == []
    renewed = await two.a.renew(attempt, until=NOW + 90)
    assert renewed is not None
    assert await cut_off(two, NOW + 60) == []
    assert await cut_off(two, NOW + 91) == [(ID, NOW)]


async def test_an_attempt_that_left_something_is_found_at_once(two: Two) -> None:
    await two.a.end(await begun(two.a), settled=False)
    assert await cut_off(two, NOW + 0.01) == [(ID, NOW)]


async def test_the_same_process_begins_again_under_its_number(two: Two) -> None:
    await two.a.end(await begun(two.a), settled=False)
    again = await begun(two.a, now=NOW + 1, until=NOW + 46)
    assert again.number == 1
    assert await cut_off(two, NOW + 30) == []
    await two.a.end(again, settled=True)
    assert await cut_off(two) == []


async def test_another_process_gets_another_number(two: Two) -> None:
    await two.a.end(await begun(two.a), settled=False)
    assert (await begun(two.b, now=NOW + 1)).number == 2


async def test_whoever_was_overtaken_changes_nothing_when_it_ends(two: Two) -> None:
    slept = await begun(two.a)
    later = await begun(two.b, now=NOW + 60, until=NOW + 105)
    assert (later.number, await two.a.renew(slept, until=NOW + 900)) == (2, None)
    await two.a.end(slept, settled=True)
    assert await cut_off(two, NOW + 106) == [(ID, NOW + 60)]


async def test_that_somebody_was_overtaken_is_remembered_for_a_day(two: Two) -> None:
    await begun(two.a)
    later = await begun(two.b, now=NOW + 60, until=NOW + 105)
    await two.b.end(later, settled=True)
    assert await cut_off(two, NOW + DAY) == []
    third = await begun(two.a, now=NOW + DAY, until=NOW + DAY + 45)
    assert third.number == 3
    await two.a.end(third, settled=True)
    await cut_off(two, NOW + 3 * DAY)
    other = await two.b.begin("mail-other", now=NOW + 3 * DAY, until=NOW + 4 * DAY)
    assert other is not None
    again = await two.a.begin("mail-other", now=NOW + 5 * DAY, until=NOW + 6 * DAY)
    assert again is not None
    assert again.number == 2
    assert (await begun(two.b, now=NOW + 5 * DAY)).number == 1


async def test_ending_twice_is_harmless(two: Two) -> None:
    attempt = await begun(two.a)
    for _ in range(2):
        await two.a.end(attempt, settled=True)
    assert await cut_off(two) == []


async def test_a_journal_is_complete_when_somebody_has_said_so(two: Two) -> None:
    assert not await two.a.is_complete()
    for _ in range(2):
        await two.a.set_complete()
    assert await two.b.is_complete()
    assert await cut_off(two, NOW + DAY) == []


@pytest.mark.parametrize("two", ["azure"], indirect=True)
async def test_of_two_processes_one_has_the_turn(two: Two) -> None:
    attempt = await begun(two.a)
    assert await two.b.begin(ID, now=NOW + 44, until=NOW + 89) is None
    await two.a.end(attempt, settled=False)
    assert await two.b.begin(ID, now=NOW + 44, until=NOW + 89) is not None


@pytest.mark.parametrize("two", ["local"], indirect=True)
async def test_on_one_machine_nobody_waits_for_a_process_that_may_be_dead(two: Two) -> None:
    await begun(two.a)
    assert (await begun(two.b, now=NOW + 1)).number == 2
