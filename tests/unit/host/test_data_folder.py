from __future__ import annotations

import asyncio
import os
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.local import maildir
from adapters.local.blob_store import LocalBlobStore
from adapters.local.database import Database
from host.data_folder import DataFolder, InUseError
from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture(autouse=True)
def wide_umask() -> Generator[None]:
    """The umask of most systems, which lets everybody read what is written."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_missing_folder_is_made_and_carries_its_version(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "deep" / "data")
    assert (folder.path / "version").read_text() == "1\n"


def test_a_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("2\n")
    with pytest.raises(SettingsError, match="newer version of mail_ingest"):
        DataFolder.open(tmp_path)


def test_a_folder_that_holds_something_else_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("release candidate\n")
    with pytest.raises(SettingsError, match="is this our folder"):
        DataFolder.open(tmp_path)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SettingsError, match="data cannot be used"):
        DataFolder.open(tmp_path / "data")


def test_one_process_serves_a_folder(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path)
    with folder.served():
        assert folder.is_served()
        with pytest.raises(InUseError, match="another process"), folder.served():
            pass
    assert not folder.is_served()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fill(folder: DataFolder) -> None:
    """What a server makes in its first minute."""
    maildir.create(folder.mailbox)
    with closing(Database(folder.state)), closing(LocalBlobStore(folder.blobs)) as blobs:
        asyncio.run(blobs.put("submissions/a/submission.json", b"{}"))
        assert mode(folder.path / "state.db-wal") & 0o007 == 0


def test_nothing_in_a_new_folder_is_for_others(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    fill(folder)
    made = [folder.path, *folder.path.rglob("*")]
    assert len(made) > 15
    assert not [path for path in made if mode(path) & 0o007]
    assert mode(folder.state) == 0o640
    assert mode(folder.blobs / "submissions") == 0o750


def test_a_narrower_umask_stays(tmp_path: Path) -> None:
    os.umask(0o077)
    folder = DataFolder.open(tmp_path / "data")
    fill(folder)
    assert mode(folder.state) == 0o600


def test_what_an_older_release_made_is_closed_to_others(tmp_path: Path) -> None:
    for name in ("blobs", "outbox"):
        (tmp_path / name).mkdir()
    for name in ("state.db", "state.db-wal", "engine.db", "version"):
        (tmp_path / name).write_text("1\n" if name == "version" else "")
        (tmp_path / name).chmod(0o664)
    tmp_path.chmod(0o775)
    DataFolder.open(tmp_path)
    assert mode(tmp_path) == mode(tmp_path / "blobs") | 0o020 == 0o770
    assert mode(tmp_path / "state.db") == mode(tmp_path / "engine.db") == 0o660


def test_a_mail_program_of_another_user_still_reaches_the_maildir(tmp_path: Path) -> None:
    maildir.create(tmp_path / "mailbox")
    (tmp_path / "mailbox" / "new").chmod(0o777)
    tmp_path.chmod(0o755)
    DataFolder.open(tmp_path)
    assert mode(tmp_path) == 0o751
    assert mode(tmp_path / "mailbox" / "new") == 0o777


def test_a_folder_that_is_shared_on_purpose_stays_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    DataFolder.open(tmp_path)
    assert mode(tmp_path) == 0o1777
