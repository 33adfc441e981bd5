"""Commands that only look: they make nothing, and say where they looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from host.commands.categories import topic_named
from host.commands.dead_letters import list_dead, resubmit
from host.commands.desk import decide, list_waiting
from host.commands.doctor import doctor
from host.commands.extract import explain, extract
from host.commands.listing import Listing, list_submissions
from host.commands.replay import Run, replay_mails
from host.commands.replay_dry_run import preview_mails
from host.commands.status import status
from host.data_folder import DataFolder, NoDataError
from mail_ingest.mail_head import NOT_A_MAIL
from shared.classify import load_rules
from shared.errors import SettingsError
from shared.settings import SHIPPED_RULES
from tests.support.images import image_bytes
from tests.support.mails import mail, photo, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAIL_INGEST_DATA", raising=False)
    monkeypatch.setenv("MAIL_INGEST_SMTP_LISTEN_PORT", "-1")
    return tmp_path / "data"


@pytest.mark.parametrize(
    "look",
    [
        lambda: list_submissions(Listing(), as_json=False),
        lambda: status("mail-1", as_json=True),
        lambda: list_waiting("", as_json=False),
        lambda: decide("mail-1", 1, ["sport"], answer=False),
        lambda: list_dead(as_json=False),
        lambda: resubmit("mail-1"),
    ],
    ids=["list", "status", "desk-list", "desk-decide", "dead-letters", "resubmit"],
)
def test_a_folder_that_is_not_there_is_named_and_not_made(
    data: Path, look: Callable[[], object]
) -> None:
    with pytest.raises(NoDataError, match=rf"no data in {data}\. .*MAIL_INGEST_DATA=") as caught:
        look()
    assert caught.value.setting == "MAIL_INGEST_DATA"
    assert not data.exists()
    data.mkdir()
    with pytest.raises(NoDataError):
        look()
    assert list(data.iterdir()) == []


def test_doctor_makes_no_data_folder(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor()
    assert f"{data}, to be made by the first start" in capsys.readouterr().out
    assert not data.exists()


def test_looking_whether_a_folder_is_served_makes_nothing(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path)
    assert not folder.is_served()
    assert list(tmp_path.iterdir()) == []
    with folder.served():
        assert folder.is_served()


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("disaster", "medtop:03000000"),
        ("Accident", "medtop:03000000"),
        ("art", "medtop:01000000"),
        ("peace", "medtop:16000000"),
        ("medtop:03", "medtop:03000000"),
        ("15", "medtop:15000000"),
        ("media", "medtop:01000000"),
    ],
)
def test_a_beginning_that_only_one_category_has_is_enough(word: str, code: str) -> None:
    assert topic_named(word, load_rules(SHIPPED_RULES)).code == code


@pytest.mark.parametrize("word", ["", "s", "and", "medtop:"])
def test_a_beginning_of_several_categories_is_answered_with_them(word: str) -> None:
    with pytest.raises(SettingsError, match="may be any of: medtop:"):
        topic_named(word, load_rules(SHIPPED_RULES))


def test_extract_says_that_a_file_is_not_a_mail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, letter = tmp_path / "README.md", tmp_path / "letter.eml"
    page.write_text("# mail_ingest\n\nTakes mails.\n")
    letter.write_bytes(b"Subject: hello\r\n\r\nNo attachment.\r\n")
    assert extract(page, tmp_path / "out") == 1
    assert capsys.readouterr() == ("", f"{page}: {NOT_A_MAIL}\n")
    assert explain(page) == 0
    assert capsys.readouterr().err == f"{page}: {NOT_A_MAIL}\n"
    assert extract(letter, tmp_path / "out") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("replay", [replay_mails, preview_mails], ids=["replay", "dry-run"])
def test_replay_counts_what_it_skipped(
    data: Path, capsys: pytest.CaptureFixture[str], replay: Callable[..., int]
) -> None:
    mails = data.parent / "mails"
    mails.mkdir()
    page = mails / "README"
    page.write_text("# Our mails\n")
    (mails / "1.eml").write_bytes(mail(text("Look"), photo(image_bytes("PNG", (120, 50)))))

    def run(*paths: Path) -> tuple[int, str]:
        code = replay(paths, Run(), as_json=True)
        return code, capsys.readouterr().err

    code, said = run(mails)
    assert code == 0
    assert "Files that were skipped because they are not mails: 1." in said
    assert run(page)[0] == 1
    assert run(page, mails)[0] == 1
