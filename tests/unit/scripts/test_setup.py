"""`scripts/setup` finds a Python that will do, and says what is wrong with one that will not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[3] / "scripts" / "setup"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs that is the whole PATH, beside a project with nothing but the script."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SETUP, tmp_path / "scripts" / "setup")
    for name in ("requirements-local.txt", "requirements-dev.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "cksum", "dirname", "grep"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def run(programs: Path, **environment: str) -> str:
    done = subprocess.run(
        ["sh", "scripts/setup"],  # noqa: S607
        cwd=programs.parent,
        env={"PATH": str(programs), "HOME": str(programs.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr


def test_a_python_of_another_version_is_named(programs: Path) -> None:
    old = program(programs, "old", 'case "$2" in *exit*) exit 1;; *) echo 3.11.2;; esac')
    assert f"PYTHON={old} is Python 3.11.2, and 3.13 is needed." in run(programs, PYTHON=str(old))


def test_a_python_that_is_not_there_is_named(programs: Path) -> None:
    assert "PYTHON=/no/python cannot be run" in run(programs, PYTHON="/no/python")


def test_apt_is_announced_and_its_failure_shown(programs: Path) -> None:
    program(programs, "id", "echo 0")
    program(programs, "apt-get", "echo E: no network >&2; exit 100")
    said = run(programs)
    assert "Running: apt-get update" in said
    assert "E: no network" in said


def test_a_python_of_pyenv_is_used(programs: Path) -> None:
    program(programs, "id", "echo 1000")
    folder = programs.parent / ".pyenv" / "versions" / "3.13.1" / "bin"
    folder.mkdir(parents=True)
    program(folder, "python", '[ "$1" = -c ] && exit 0; echo pyenv makes it >&2; exit 1')
    assert "pyenv makes it" in run(programs)


def test_a_python_of_uv_is_used(programs: Path) -> None:
    program(programs, "id", "echo 1000")
    found = program(programs, "found", '[ "$1" = -c ] && exit 0; echo uv brings it >&2; exit 1')
    program(programs, "uv", f"echo {found}")
    assert "uv brings it" in run(programs)
