"""Turns over the journal of one machine."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, override

import pytest

from adapters.clock import SystemClock
from adapters.local.intake_journal import LocalIntakeJournal
from shared.errors import ServiceUnavailableError
from shared.turns import Turn, Turns
from tests.support.clocks import START, ManualClock
from tests.support.local_services import local_database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from shared.ports import IntakeAttempt

ID = "mail-one"


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncGenerator[LocalIntakeJournal]:
    with local_database(tmp_path) as database:
        yield LocalIntakeJournal(database)


def test_the_first_attempt_has_the_folder_of_the_submission_and_others_their_own() -> None:
    assert Turn(ID, 1).folder == "submissions/mail-one/"
    assert Turn(ID, 3).folder == "submissions/mail-one/attempts/3/"
    assert [turn.number for turn in Turn(ID, 3).earlier()] == [1, 2]


def test_no_attempt_takes_a_blob_of_another_or_the_record_for_its_own() -> None:
    others = ("submission.json", "outcome.json", "attempts/2/media/1/a.jpg")
    assert not any(f"submissions/mail-one/{o}".startswith(Turn(ID, 1).prefixes) for o in others)
    twelfth = f"{Turn(ID, 12).folder}media/1/a.jpg"
    assert not twelfth.startswith(Turn(ID, 1).prefixes)


async def test_one_after_the_other(journal: LocalIntakeJournal) -> None:
    turns, log = Turns(journal, SystemClock()), list[str]()

    async def take(name: str) -> None:
        async with turns.of(ID) as turn:
            log.append(f"{name} begins")
            await asyncio.sleep(0.02)
            log.append(f"{name} ends")
            turn.settled = True

    await asyncio.gather(*(take(name) for name in "abc"))
    assert [line.split()[1] for line in log] == ["begins", "ends"] * 3


async def test_different_submissions_do_not_wait_for_each_other(
    journal: LocalIntakeJournal,
) -> None:
    turns = Turns(journal, SystemClock())
    async with turns.of(ID), asyncio.timeout(60), turns.of("mail-two") as turn:
        assert turn.number == 1


async def test_a_turn_is_renewed_for_as_long_as_it_lasts(journal: LocalIntakeJournal) -> None:
    clock = ManualClock()
    async with Turns(journal, clock, lives_s=0.06).of(ID):
        clock.advance(hours=1)
        await asyncio.sleep(0.2)
        now = clock.now().timestamp()
        assert await journal.cut_off(now=now) == []
    (left,) = await journal.cut_off(now=now)
    assert (left.submission_id, left.begun_at) == (ID, START.timestamp())


async def test_a_turn_that_nobody_has_costs_nothing(journal: LocalIntakeJournal) -> None:
    turns = Turns(journal, SystemClock())
    async with aclosing(_one_turn(turns)) as turn:
        await anext(turn)
        assert len(turns._locks) == 1  # pyright: ignore[reportPrivateUsage]
    assert len(turns._locks) == 0  # pyright: ignore[reportPrivateUsage]


async def _one_turn(turns: Turns) -> AsyncGenerator[None]:
    async with turns.of(ID):
        yield


class Forgetful(LocalIntakeJournal):
    """Cannot be told of an end."""

    @override
    async def end(self, attempt: IntakeAttempt, *, settled: bool) -> None:
        raise ServiceUnavailableError("journal")


async def test_that_an_end_cannot_be_noted_is_no_failure_of_what_was_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with local_database(tmp_path) as database:
        async with Turns(Forgetful(database), SystemClock()).of(ID) as turn:
            turn.settled = True
    (line,) = caplog.records
    assert vars(line)["action"] == "intake_end_not_noted"
