"""What the import arrows and the linters cannot say about the shape of the project."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scripts.print_configuration import page

ROOT = Path(__file__).parents[2]
PACKAGES = ("host", "adapters", "http_intake", "mail_ingest", "describer", "shared")
SOURCES = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
LONGEST_FILE = 300
LONGEST_FUNCTION = 40
# A page of protocols with their docstrings is read as one contract.
LONG_FILES = {"shared/ports.py"}


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_no_source_file_is_longer_than_a_person_reads_in_one_sitting() -> None:
    lengths = {relative(file): len(file.read_text("utf-8").splitlines()) for file in SOURCES}
    too_long = {name: n for name, n in lengths.items() if n > LONGEST_FILE}
    assert set(too_long) <= LONG_FILES, too_long


def test_no_function_does_more_than_a_few_steps() -> None:
    too_long = [
        f"{relative(file)}:{node.lineno} {node.name}"
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _statements(node) > LONGEST_FUNCTION
    ]
    assert not too_long


def _statements(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its head and its docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_only_config_and_the_entry_points_read_the_environment() -> None:
    readers = {relative(f) for f in SOURCES if re.search(r"os\.(environ|getenv)", f.read_text())}
    assert readers <= {
        "shared/config.py",
        "host/describers.py",
        "host/commands/doctor.py",
        "describer/__init__.py",  # sets what onnxruntime reads, and reads nothing
        "describer/__main__.py",
        "describer/worker.py",
    }


def test_the_page_of_settings_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == page(), "run: make docs"


def test_lock_files_name_no_index() -> None:
    for file in sorted(ROOT.glob("requirements*.txt")):
        assert "://" not in file.read_text("utf-8"), file.name


def test_every_todo_has_an_issue_number() -> None:
    loose = [
        f"{relative(file)}:{number}"
        for file in SOURCES
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1)
        if re.search(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", line)
    ]
    assert not loose


@pytest.mark.parametrize("target", ["demo", "run", "test", "check"])
def test_the_makefile_has_the_commands_of_the_readme(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
