from __future__ import annotations

import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from scripts.ignore_rules import IgnoreRules

RULES = r"""
# a comment
/.*
/data
docs/
*.log
!keep.log
inner/part
**/deep
a/**/z
b/**
?.txt
[xy].bin
\#hash
"""
PATHS = (
    *(".git2", "sub/.hidden", "data", "sub/data", "docs/a", "sub/docs/a", "sub/docs2"),
    *("x.log", "keep.log", "sub/keep.log", "sub/x.log", "inner/part/f", "sub/inner/part"),
    *("q/deep", "deep", "a/z", "a/1/2/z", "b/c/d", "b2/c", "k.txt", "kk.txt", "sub/k.txt"),
    *("x.bin", "z.bin", "#hash", "plain", "docs2"),
)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the second opinion")
def test_the_rules_are_those_of_git(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text(RULES)
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)  # noqa: S607
    command = ["git", "ls-files", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603
    rules = IgnoreRules.read(tmp_path / ".gitignore")
    kept = {path.as_posix() for path in rules.kept_files(tmp_path) if path.parts[0] != ".git"}
    assert kept == set(listed.stdout.splitlines()) - {".gitignore"}
    assert {path for path in PATHS if not rules.ignores(PurePosixPath(path))} == kept
