"""On real messages the reader agrees with what other readers voted to be true.

Two things count as agreement although the vote says otherwise: a pointer to an external body is no
attachment (RFC 2046 section 5.2.3), and of a file name only the last segment is kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mail_ingest.mime.events import Refusal
from tests.support.mime_reading import CHUNK_SIZES, read

if TYPE_CHECKING:
    from tests.support.mime_reading import Reading

CORPORA = Path(__file__).parents[5] / "shared" / "corpora"
MESSAGES = sorted(CORPORA.glob("*/*.eml"))
ENOUGH = 0.99

pytestmark = pytest.mark.skipif(not MESSAGES, reason="there is no ../shared/corpora here")


class Attachment(NamedTuple):
    name: str
    sha256: str


def truth() -> dict[Path, list[Attachment]]:
    """What must come out, of the messages that nobody contests."""
    found: dict[Path, list[Attachment]] = {}
    for table in CORPORA.glob("*/truth.json"):
        for name, said in json.loads(table.read_text(encoding="utf-8")).items():
            if said["attachments"] is not None:
                found[table.parent / name] = [Attachment(*each) for each in said["attachments"]]
    return found


def last_segment(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]


def hashes(content: bytes) -> set[str]:
    """As it is, and as the truth has it of texts: LF line ends, none at the end."""
    text = content.replace(b"\r\n", b"\n").rstrip(b"\r\n")
    return {hashlib.sha256(each).hexdigest() for each in (content, text)}


def agrees(reading: Reading, attachments: list[Attachment]) -> bool:
    """Whether every attachment is there, by name and content."""
    pointers = {
        last_segment(each.part.file_name)
        for each in reading.parts
        if each.refusal is Refusal.EXTERNAL_BODY
    }
    left = [(name, hashes(content)) for name, content in reading.files]
    for name, sha256 in attachments:
        if last_segment(name) in pointers:
            continue
        fits = [each for each in left if sha256 in each[1] and last_segment(name).endswith(each[0])]
        if not fits:
            return False
        left.remove(fits[0])
    return True


def test_names_and_contents_agree_with_the_vote() -> None:
    wanted = truth()
    wrong = [
        path.name for path, files in wanted.items() if not agrees(read(path.read_bytes()), files)
    ]
    assert len(wrong) <= len(wanted) * (1 - ENOUGH), wrong


@pytest.mark.parametrize("chunk", CHUNK_SIZES[1:])
def test_how_a_real_message_is_cut_changes_nothing(chunk: int) -> None:
    for path in MESSAGES:
        raw = path.read_bytes()[:40_000]
        assert read(raw, chunk).story == read(raw, len(raw) or 1).story, path.name


def test_a_real_message_that_is_cut_off_anywhere_is_still_read() -> None:
    for path in MESSAGES:
        raw = path.read_bytes()
        for tenth in range(10):
            read(raw[: len(raw) * tenth // 10])
