"""`mail-ingest doctor --deep` on a data folder that is really damaged, in every way once."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from host.commands.doctor_deep import doctor_deep
from host.commands.replay import Run, replay_mails
from host.data_folder import DataFolder, NoDataError
from tests.support.images import image_bytes
from tests.support.mails import mail, photo, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a submission that was described and answered."""
    folder = tmp_path_factory.mktemp("answered")
    letter = folder / "1.eml"
    letter.write_bytes(mail(text("Look"), photo(image_bytes("PNG", (120, 50)))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIL_INGEST_DATA", str(folder / "data"))
        assert replay_mails([letter], Run(wait=True), as_json=True) == 0
    return folder / "data"


@pytest.fixture
def data(answered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    shutil.copytree(answered, tmp_path / "data")
    monkeypatch.setenv("MAIL_INGEST_DATA", str(tmp_path / "data"))
    return DataFolder.at(tmp_path / "data")


def the_blob(data: DataFolder, pattern: str) -> Path:
    (found,) = data.blobs.glob(pattern)
    return found


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path: Path) -> None:
    """One bit of the first byte, so that JSON is none any more."""
    with path.open("r+b") as file:
        byte = file.read(1)[0]
        file.seek(0)
        file.write(bytes([byte ^ 1]))


def damages(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run it; what it names, without the last line, which must fit."""
    code = doctor_deep()
    *named, last = capsys.readouterr().out.splitlines()
    assert code == (1 if named else 0)
    assert last.startswith(
        f"WRONG  stored data: lost or damaged: {len(named)}." if named else "ok "
    )
    return named


def test_whole_data_are_in_order(data: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert damages(capsys) == []


@pytest.mark.parametrize(
    ("pattern", "damage", "said"),
    [
        ("submissions/*/**/original.eml", delete, "Its original is lost"),
        ("submissions/*/**/original.eml", truncate, "Its original has "),
        ("submissions/*/**/original.eml", flip, "Its original has other bytes"),
        ("submissions/*/**/media/1/*", delete, "Item 1 is lost"),
        ("submissions/*/**/media/1/*", truncate, "Item 1 has "),
        ("submissions/*/**/media/1/*", flip, "Item 1 has other bytes"),
        ("submissions/*/outcome.json", delete, "Its outcome is lost"),
        ("submissions/*/outcome.json", truncate, "Its outcome cannot be read"),
        ("submissions/*/outcome.json", flip, "Its outcome cannot be read"),
        ("submissions/*/submission.json", truncate, "Its record cannot be read"),
        ("submissions/*/submission.json", flip, "Its record cannot be read"),
        ("descriptions/*/*.json", delete, "The description of item 1 is lost"),
        ("descriptions/*/*.json", truncate, "The description of item 1 cannot be read"),
        ("descriptions/*/*.json", flip, "The description of item 1 cannot be read"),
    ],
)
def test_a_damaged_blob_is_named(
    data: DataFolder,
    capsys: pytest.CaptureFixture[str],
    pattern: str,
    damage: Callable[[Path], None],
    said: str,
) -> None:
    blob = the_blob(data, pattern)
    damage(blob)
    (line,) = damages(capsys)
    submission = the_blob(data, "submissions/*").name
    assert line.startswith(f"WRONG  {submission}: {said}")
    assert str(blob.relative_to(data.blobs).parent) in line


def test_a_lost_submission_is_named_by_its_row_and_its_instance(
    data: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = the_blob(data, "submissions/*")
    shutil.rmtree(folder)
    row, instance = damages(capsys)
    assert f"{folder.name}: Its record is lost" in row
    assert "the index has it as done." in row
    assert f"{folder.name}: The engine has an instance of it" in instance


def test_a_lost_row_is_named(data: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(data.state)) as db, db:
        assert db.execute("DELETE FROM submissions").rowcount == 1
    (line,) = damages(capsys)
    assert line.endswith("It has a record and no row in the index.")


def test_instances_are_not_looked_for_while_a_server_has_them(
    data: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    with data.served():
        assert doctor_deep() == 0
    assert "instances not checked" in capsys.readouterr().err


def test_no_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_INGEST_DATA", str(tmp_path / "data"))
    with pytest.raises(NoDataError):
        doctor_deep()
    assert list(tmp_path.iterdir()) == []
