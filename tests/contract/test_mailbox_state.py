"""What the memory of a Graph mailbox does, in a dictionary and in Table Storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from adapters.azure.mailbox_state import MailboxState, SeenMail
from adapters.azure.mailbox_state_table import TableMailboxState
from adapters.azure.tables import Tables
from tests.support.azurite import Azurite
from tests.support.graph import ADDRESS
from tests.support.graph_memory import MemoryMailboxState

NOW = 1_790_000_000.25


@pytest.fixture(params=["memory", "table"])
async def state(request: pytest.FixtureRequest) -> AsyncGenerator[MailboxState]:
    if request.param == "memory":
        yield MemoryMailboxState()
        return
    azurite: Azurite = request.getfixturevalue("azurite")
    tables = Tables.open(azurite.settings())
    yield TableMailboxState(tables.table("mailbox"), ADDRESS)
    await tables.close()


def mail(number: int) -> SeenMail:
    return SeenMail(
        graph_id=f"AAk{number}/+=",
        message_id=f"<{number}@example.org>",
        received_at=f"2026-11-24T12:00:{number:02}Z",
    )


async def test_a_mail_waits_from_when_it_is_seen_until_it_is_forgotten(
    state: MailboxState,
) -> None:
    assert await state.waiting(now=NOW, limit=10) == []
    await state.add([mail(1)])
    (waiting,) = await state.waiting(now=NOW, limit=10)
    assert (waiting.mail, waiting.attempts) == (mail(1), 0)
    await state.forget(mail(1))
    await state.forget(mail(1))
    assert await state.waiting(now=NOW, limit=10) == []


async def test_a_mail_that_is_seen_again_stays_as_it_is(state: MailboxState) -> None:
    await state.add([mail(1), mail(2)])
    waiting, _ = await state.waiting(now=NOW, limit=10)
    await state.hold(waiting, attempts=3, not_before=NOW + 60)
    await state.add([mail(1), mail(2), mail(3)])
    free = await state.waiting(now=NOW, limit=10)
    assert [each.mail for each in free] == [mail(2), mail(3)]


async def test_a_mail_that_is_held_is_free_when_its_time_has_come(state: MailboxState) -> None:
    await state.add([mail(1)])
    (waiting,) = await state.waiting(now=NOW, limit=10)
    held = await state.hold(waiting, attempts=1, not_before=NOW + 0.5)
    assert held is not None
    assert await state.waiting(now=NOW + 0.4, limit=10) == []
    assert await state.waiting(now=NOW + 0.5, limit=10) == [held]


async def test_of_many_who_hold_a_mail_at_once_one_does(state: MailboxState) -> None:
    await state.add([mail(1)])
    (waiting,) = await state.waiting(now=NOW, limit=10)
    holds = [state.hold(waiting, attempts=1, not_before=NOW + 60) for _ in range(8)]
    assert sum(held is not None for held in await asyncio.gather(*holds)) == 1


async def test_what_is_forgotten_cannot_be_held(state: MailboxState) -> None:
    await state.add([mail(1)])
    (waiting,) = await state.waiting(now=NOW, limit=10)
    await state.forget(mail(1))
    assert await state.hold(waiting, attempts=1, not_before=NOW) is None


async def test_fewer_attempts_come_first_then_older_ones(state: MailboxState) -> None:
    await state.add([mail(1)])
    (waiting,) = await state.waiting(now=NOW, limit=10)
    await state.hold(waiting, attempts=1, not_before=0.0)
    await state.add([mail(3), mail(2)])
    free = await state.waiting(now=NOW, limit=10)
    assert [each.mail for each in free] == [mail(2), mail(3), mail(1)]
    assert len(await state.waiting(now=NOW, limit=2)) == 2


async def test_one_watches_at_a_time_and_goes_on_where_the_last_one_stopped(
    state: MailboxState,
) -> None:
    first = await state.take_watch(now=NOW, until=NOW + 60)
    assert first is not None
    assert (first.link, first.swept_at) == ("", 0.0)
    assert await state.take_watch(now=NOW + 59, until=NOW + 119) is None
    kept = await state.keep_watch(first, link="https://next", swept_at=NOW, until=0.0)
    assert kept is not None
    second = await state.take_watch(now=NOW + 1, until=NOW + 61)
    assert second is not None
    assert (second.link, second.swept_at) == ("https://next", NOW)


async def test_who_watched_too_long_notes_nothing_more(state: MailboxState) -> None:
    slow = await state.take_watch(now=NOW, until=NOW + 60)
    quick = await state.take_watch(now=NOW + 61, until=NOW + 121)
    assert slow is not None
    assert quick is not None
    assert await state.keep_watch(slow, link="old", swept_at=0.0, until=NOW + 120) is None
    assert await state.keep_watch(quick, link="new", swept_at=0.0, until=0.0) is not None


async def test_of_many_who_want_to_watch_one_does(state: MailboxState) -> None:
    turns = await asyncio.gather(*(state.take_watch(now=NOW, until=NOW + 60) for _ in range(6)))
    assert sum(turn is not None for turn in turns) == 1
