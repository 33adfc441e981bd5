"""The score that warns a person, in `status` and in the desk's list on one machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from host.commands.desk import list_waiting
from host.commands.status import status
from shared.codec import to_json
from shared.description import adult_words
from shared.intake import outcome_name, record_name
from shared.model import MediaStatus, OutcomeStatus
from shared.ports import IndexEntry, SubmissionState
from tests.support.answers import answer, described, photo
from tests.support.local_services import local_services

if TYPE_CHECKING:
    from pathlib import Path

ID = "mail-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def _waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_INGEST_DATA", str(tmp_path))
    scores = (0.98, 0.03, None)
    media = [
        photo(n, description={**described(), "safety": {"adult": score, "violence": None}})
        for n, score in enumerate(scores, start=1)
    ]
    late = photo(4, status=MediaStatus.ESCALATED, description=None, reason="Late.")
    given = answer(*media, late, status=OutcomeStatus.PARTLY)

    async def put() -> None:
        with local_services(tmp_path) as services:
            await services.blobs.put(record_name(ID), to_json(given.submission))
            await services.blobs.put(outcome_name(ID), to_json(given.outcome))
            await services.index.put(
                IndexEntry(
                    submission_id=ID,
                    source="mail",
                    received_at="2026-11-24T12:00:00.000Z",
                    state=SubmissionState.DONE,
                    media=4,
                    escalated=(4,),
                )
            )

    asyncio.run(put())


@pytest.mark.usefixtures("_waiting")
def test_status_shows_the_score_of_each_item(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(ID, as_json=False) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "adult 98% (!)" in lines["1"]
    assert "adult 3%" in lines["2"]
    assert "(!)" not in lines["2"]
    assert "adult" not in lines["3"] + lines["4"]


@pytest.mark.usefixtures("_waiting")
def test_the_desks_list_shows_the_highest_score(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_waiting("", as_json=False) == 0
    assert "adult 98% (!)" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("score", "words"),
    [(None, ""), (0.0, "adult 0%"), (0.49, "adult 49%"), (0.5, "adult 50% (!)")],
)
def test_a_score_is_marked_where_it_is_high(score: float | None, words: str) -> None:
    assert adult_words(score) == words
