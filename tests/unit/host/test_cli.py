from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from host.commands import version
from shared.errors import IngestError

PROJECT = Path(__file__).parents[3]


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, *words], cwd=PROJECT, capture_output=True, text=True, check=True
    )


def test_the_version_is_the_one_of_the_package() -> None:
    released = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert python("-m", "host.cli", "--version").stdout == f"mail-ingest {released}\n"


def test_a_copy_that_is_not_installed_says_why_it_knows_no_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(version, "_PACKAGE", "not-installed-anywhere")
    with pytest.raises(IngestError, match="without being installed; pip install it"):
        version.say_version()


def test_help_loads_no_more_than_the_command_line_itself() -> None:
    said = python("-X", "importtime", "-m", "host.cli", "--help")
    assert "--version" in said.stdout
    loaded = set(re.findall(r"\|\s+([\w.]+)$", said.stderr, re.MULTILINE))
    ours = {name for name in loaded if name.split(".")[0] in {"host", "shared", "adapters"}}
    assert ours == {"host", "shared", "shared.errors"}
    assert not loaded & {"asyncio", "importlib.metadata", "msgspec", "rich"}
