"""mail-ingest status without an ID, on the folder of one machine."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from host.cli import app
from host.commands.listing import Listing, list_submissions
from host.commands.status import status
from shared.errors import SettingsError, UnknownSubmissionError
from shared.ports import IndexEntry, SubmissionState
from tests.support.local_services import local_services

if TYPE_CHECKING:
    from pathlib import Path

SPORT, POLITICS = "medtop:15000000", "medtop:11000000"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAIL_INGEST_DATA", str(tmp_path))
    with local_services(tmp_path):
        return tmp_path


@pytest.fixture
def filed(folder: Path) -> None:
    """Six that are done, in turn under sport, and under sport and politics; one is on its way."""

    async def put() -> None:
        with local_services(folder) as services:
            for number in range(7):
                entry = IndexEntry(
                    submission_id=f"mail-{number}",
                    source="mail",
                    received_at=f"2026-11-24T12:00:0{number}.000Z",
                    state=SubmissionState.DONE if number < 6 else SubmissionState.ACCEPTED,
                    outcome="completed" if number < 6 else "",
                    categories=((SPORT,), (POLITICS, SPORT))[number % 2] if number < 6 else None,
                )
                await services.index.put(entry)

    asyncio.run(put())


def ids(output: str) -> list[str]:
    return [json.loads(line)["submission_id"] for line in output.splitlines()]


@pytest.mark.usefixtures("filed")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Listing(), ["mail-6", "mail-5", "mail-4", "mail-3", "mail-2", "mail-1", "mail-0"]),
        (Listing(category="politics"), ["mail-5", "mail-3", "mail-1"]),
        (Listing(category=POLITICS, state="done", limit=2), ["mail-5", "mail-3"]),
        (Listing(category="11000000", after="mail-3"), ["mail-1"]),
        (Listing(state="Accepted"), ["mail-6"]),
        (Listing(category="weather"), []),
        (Listing(after="mail-0"), []),
    ],
    ids=str,
)
def test_a_page_is_narrowed_as_asked(
    asked: Listing, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert list_submissions(asked, as_json=True) == 0

    assert ids(capsys.readouterr().out) == expected


@pytest.mark.usefixtures("filed")
def test_following_the_notes_leads_through_all_pages(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []
    after = ""
    while True:
        list_submissions(Listing(category="sport", after=after, limit=4), as_json=True)
        said = capsys.readouterr()
        seen += ids(said.out)
        if not said.err:
            break
        after = said.err.split()[-1]
        assert said.err.startswith("There are more")

    assert seen == ["mail-5", "mail-4", "mail-3", "mail-2", "mail-1", "mail-0"]


@pytest.mark.usefixtures("filed")
def test_people_see_names_of_categories(capsys: pytest.CaptureFixture[str]) -> None:
    list_submissions(Listing(limit=2), as_json=False)

    said = capsys.readouterr()
    assert "politics; sport" in said.out
    assert "done, completed" in said.out
    assert said.err == "There are more: the same command with --after mail-5\n"


@pytest.mark.usefixtures("folder")
def test_an_empty_list_says_whether_it_was_narrowed(capsys: pytest.CaptureFixture[str]) -> None:
    list_submissions(Listing(), as_json=False)
    list_submissions(Listing(category="sport"), as_json=False)

    assert capsys.readouterr().out == "There is no submission yet.\nNo submissions match.\n"


@pytest.mark.usefixtures("folder")
def test_a_word_that_names_nothing_is_answered_with_what_there_is() -> None:
    with pytest.raises(SettingsError, match=r"'fishing' is none of these: medtop:01000000 arts"):
        list_submissions(Listing(category="fishing"), as_json=False)
    with pytest.raises(SettingsError, match="'finished' is none of these: accepted; describing"):
        list_submissions(Listing(state="finished"), as_json=False)
    with pytest.raises(UnknownSubmissionError, match="mail-none"):
        list_submissions(Listing(after="mail-none"), as_json=False)
    with pytest.raises(UnknownSubmissionError, match="mail-none"):
        status("mail-none", as_json=False)


def test_one_submission_is_not_narrowed(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--category", "sport"], ["--state", "done"], ["--after", "mail-1"]):
        with pytest.raises(SystemExit):
            app(["status", "mail-2", *words])

        assert "name one submission, or say which to list" in capsys.readouterr().err


@pytest.mark.usefixtures("filed")
def test_the_words_of_the_command_line_reach_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app(["status", "--category", "politics", "--after", "mail-5", "--limit", "1", "--json"])

    assert ids(capsys.readouterr().out) == ["mail-3"]
