"""Which pictures an answer shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mail_ingest.thumbnails import thumbnails
from shared.intake import thumbnail_name
from shared.model import BlobRef
from tests.support.answers import MAIL, answer, photo
from tests.support.local_services import LocalServices, local_services

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.ports import Answer

PICTURE = b"\xff" * 20_000


@pytest.fixture
def services(tmp_path: Path) -> Iterator[LocalServices]:
    with local_services(tmp_path) as opened:
        yield opened


async def given(services: LocalServices, *, mail_bytes: int, proven: bool = True) -> Answer:
    whole = answer(*map(photo, range(1, 31)), answer_to=replace(MAIL, proven=proven))
    for item in whole.outcome.media:
        await services.blobs.put(thumbnail_name(item.sha256), PICTURE)
    original = BlobRef(blob="original.eml", size=mail_bytes, sha256="0" * 64)
    return replace(whole, submission=replace(whole.submission, original=original))


@pytest.mark.parametrize(
    ("mail_bytes", "shown"), [(10_000_000, 5), (132_000, 3), (40_000, 1), (39_000, 0)]
)
async def test_an_answer_shows_less_than_the_mail_brought_and_never_much(
    services: LocalServices, mail_bytes: int, shown: int
) -> None:
    pictures = await thumbnails(await given(services, mail_bytes=mail_bytes), services.blobs)
    assert sorted(pictures) == list(range(1, shown + 1))


async def test_a_sender_whom_nothing_proves_is_shown_no_picture(services: LocalServices) -> None:
    whole = await given(services, mail_bytes=10_000_000, proven=False)
    assert await thumbnails(whole, services.blobs) == {}
