"""The reader tells the same of every fixture mail, however the mail is cut into pieces."""

from __future__ import annotations

import pytest

from tests.support.fixture_mails import ALL
from tests.support.mime_reading import read


@pytest.mark.parametrize(
    ("size", "longest"),  # crumbs take time, so the longer mails come in larger pieces
    [(1, 6_000), (7, 9_000), (509, 1 << 20), (4096, 1 << 20), (262_144, 1 << 20)],
)
def test_every_fixture_reads_alike_in_pieces_of_any_size(size: int, longest: int) -> None:
    for one in ALL:
        if len(one.raw) <= longest:
            assert read(one.raw, size).story == read(one.raw, len(one.raw) or 1).story, one.name
