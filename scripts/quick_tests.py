"""`make quick`: the unit tests of what has changed since the last commit, or in it.

A test file is run when it has changed, imports a module that has, or names a data file that has.
Where very many do (`shared.model`), the nearest are run: that is said, and `make test` runs all.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_FILES = 30  # about a minute


def changed_files() -> list[Path]:
    """What git does not have yet; when that is nothing, what the last commit changed."""
    new = _git("diff", "--name-only", "HEAD") + _git("ls-files", "--others", "--exclude-standard")
    names = new or _git("diff", "--name-only", "HEAD~1", "HEAD")
    return [path for name in dict.fromkeys(names) if (path := ROOT / name).is_file()]


def tests_of(changed: list[Path]) -> list[Path]:
    """The unit tests that have to do with these files, the nearest first."""
    modules = {_module(path) for path in changed if path.suffix == ".py"}
    data_files = {path.name for path in changed if path.suffix != ".py"}
    found = [
        test
        for test in sorted((ROOT / "tests" / "unit").rglob("test_*.py"))
        if test in changed or _imports(test) & modules or _names(test, data_files)
    ]
    return sorted(found, key=lambda test: (test not in changed, not _is_twin(test, changed)))


def _is_twin(test: Path, changed: list[Path]) -> bool:
    """Whether a test mirrors one of the files: ``a/b.py`` is tested by ``unit/a/test_b.py``."""
    subjects = {(path.parent.name, path.stem) for path in changed}
    return (test.parent.name, test.stem.removeprefix("test_")) in subjects


def _imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _names(file: Path, data_files: set[str]) -> bool:
    text = file.read_text(encoding="utf-8") if data_files else ""
    return any(f'"{name}"' in text or f"/{name}" in text for name in data_files)


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.split()


def main() -> int:
    """Run them; pytest's exit code."""
    tests = tests_of(changed_files())
    if not tests:
        print("No unit test has to do with what has changed. `make test` runs them all.")
        return 0
    if len(tests) > MOST_FILES:
        print(f"{len(tests)} test files have to do with it; the {MOST_FILES} nearest are run.")
    chosen = [str(test.relative_to(ROOT)) for test in tests[:MOST_FILES]]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "4", "--dist", "worksteal", *chosen]
    return subprocess.call(command, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
