"""The reader tells the same of every fixture mail, however the mail is cut into pieces."""

from __future__ import annotations

from hashlib import sha256

import pytest

from mail_ingest.mime.events import DefectFound, PartData, PartEnded, PartStarted
from mail_ingest.mime.reader import MimeReader
from tests.support.fixture_mails import ALL

type Told = list[tuple[str, ...]]

_SMALL = [one for one in ALL if len(one.raw) < 9_000]  # crumbs take time


def read_in_pieces(raw: bytes, size: int) -> Told:
    """The parts with their names and content, and the defects, as one list."""
    reader = MimeReader()
    events = [
        event for at in range(0, len(raw), size) for event in reader.feed(raw[at : at + size])
    ]
    content: dict[str, bytearray] = {}
    told: Told = []
    for event in events + reader.close():
        match event:
            case PartStarted(part):
                told.append(("starts", part.path, part.media_type, part.file_name))
                content[part.path] = bytearray()
            case PartData(part, data):
                content[part.path] += data
            case PartEnded(part, _, _, refusal):
                digest = sha256(content[part.path]).hexdigest()
                told.append(("ends", part.path, digest, refusal or ""))
            case DefectFound(defect):
                told.append(("defect", defect.part, defect.clause, defect.sentence))
    return told


@pytest.mark.parametrize("size", [61, 4096, 262_144])
def test_every_fixture_reads_alike(size: int) -> None:
    for fixture in ALL:
        assert read_in_pieces(fixture.raw, size) == read_in_pieces(
            fixture.raw, len(fixture.raw) or 1
        )


@pytest.mark.parametrize("size", [1, 7])
def test_every_small_fixture_reads_alike_in_crumbs(size: int) -> None:
    for fixture in _SMALL:
        assert read_in_pieces(fixture.raw, size) == read_in_pieces(
            fixture.raw, len(fixture.raw) or 1
        )
