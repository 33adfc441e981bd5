"""Every odd message comes out as its twin says, however it is cut."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.mime_cases import ALL, FOLDER, Case
from tests.support.mime_reading import CHUNK_SIZES, read

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = sorted(FOLDER.glob("*.eml"))


def stem(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("message", MESSAGES, ids=stem)
def test_a_message_gives_what_its_twin_says(message: Path) -> None:
    reading = read(message.read_bytes())
    twin = json.loads(message.with_suffix(".json").read_text(encoding="utf-8"))
    files = [[name, hashlib.sha256(content).hexdigest()] for name, content in reading.files]
    assert sorted(files) == sorted(twin["files"])
    assert sorted({defect.clause for defect in reading.defects}) == sorted(twin["clauses"])
    assert [str(each.refusal) for each in reading.parts if each.refusal] == twin["refusals"]


@pytest.mark.parametrize("chunk", CHUNK_SIZES)
@pytest.mark.parametrize("message", MESSAGES, ids=stem)
def test_how_a_message_is_cut_changes_nothing(message: Path, chunk: int) -> None:
    raw = message.read_bytes()
    assert read(raw, chunk).story == read(raw, len(raw) or 1).story


@pytest.mark.parametrize("message", MESSAGES, ids=stem)
def test_offsets_point_into_the_stored_message(message: Path) -> None:
    raw = message.read_bytes()
    for each in read(raw).parts:
        if each.part.start is not None and each.part.body is not None and each.end is not None:
            assert 0 <= each.part.start <= each.part.body <= each.end <= len(raw)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_the_files_are_what_the_cases_write(case: Case) -> None:
    assert (FOLDER / f"{case.name}.eml").read_bytes() == case.raw
    assert (FOLDER / f"{case.name}.json").read_text(encoding="utf-8") == case.twin()
