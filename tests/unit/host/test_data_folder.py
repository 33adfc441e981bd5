from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from host.data_folder import DataFolder, InUseError
from shared.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


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
