"""Each mail is taken once, filed once and answered once, whatever dies and fails meanwhile; and
without either of the two rules that it rests on, the same simulation shows the harm.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from adapters.azure.mailbox_state import MailboxState, SeenMail, Watch
from tests.support.exactly_once import Plan, simulate
from tests.support.graph_memory import MemoryLedger, MemoryMailboxState
from tests.support.mortal import Life

SEEDS = 5
MAILS = 200  # per seed


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
async def test_each_mail_is_taken_filed_and_answered_once(seed: int) -> None:
    result = await simulate(Plan(seed=seed, mails=MAILS))
    assert result.crashes >= 3
    assert result.lost() == []
    assert sorted(result.processed) == sorted(result.delivered)
    assert result.dead == []
    assert set(result.accepted.values()) == {1}
    assert len(result.accepted) == MAILS
    assert result.answered_twice() == []
    assert sorted(result.answered) == sorted(result.delivered)


class PlaceFirst(MemoryMailboxState):
    """Notes the place in the change log first, and the mails of the page after it. The first two
    processes that do so die in between.
    """

    deaths_left = 2

    def __init__(self, state: MemoryMailboxState, life: Life) -> None:
        self.__dict__ = state.__dict__  # one memory for all
        self._life = life
        self._page: Sequence[SeenMail] = ()

    async def add(self, mails: Sequence[SeenMail]) -> None:
        self._page = mails

    async def keep_watch(
        self, watch: Watch, *, link: str, swept_at: float, until: float
    ) -> Watch | None:
        kept = await super().keep_watch(watch, link=link, swept_at=swept_at, until=until)
        if self._page and PlaceFirst.deaths_left:
            PlaceFirst.deaths_left -= 1
            self._life.touch(risk=1.0)
        await super().add(self._page)
        self._page = ()
        return kept


async def test_noting_the_place_before_the_mails_loses_mails() -> None:
    def place_first(state: MailboxState, life: Life) -> MailboxState:
        assert isinstance(state, MemoryMailboxState)
        return PlaceFirst(state, life)

    PlaceFirst.deaths_left = 2
    result = await simulate(
        Plan(seed=1, mails=60, sweep_s=1e12, forgets=False, patience_s=4.0, state_of=place_first)
    )
    assert result.lost()


class Forgetful(MemoryLedger):
    """Does not keep the ID of a draft."""

    def __init__(self, ledger: MemoryLedger, life: Life) -> None:
        super().__init__()
        self.notes = ledger.notes
        self._life = life

    async def put(self, name: str, key: str, value: str) -> None:
        self._life.touch(risk=0.15)
        await super().put(name, key, value)

    async def put_new(self, name: str, key: str, value: str) -> str:
        del name, key
        return value


async def test_without_the_note_of_the_draft_mails_are_answered_twice() -> None:
    result = await simulate(Plan(seed=1, mails=60, ledger_of=Forgetful))
    assert result.answered_twice()
