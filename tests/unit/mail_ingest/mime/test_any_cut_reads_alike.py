"""The reader tells the same of every fixture mail, however the mail is cut into pieces."""

from __future__ import annotations

import pytest

from tests.support.fixture_mails import ALL
from tests.support.mime_reading import read


@pytest.mark.parametrize("size", [1, 7, 509, 4096, 262_144])
def test_every_fixture_reads_alike_in_pieces_of_any_size(size: int) -> None:
    for one in ALL:
        assert read(one.raw, size).story == read(one.raw, len(one.raw) or 1).story, one.name
