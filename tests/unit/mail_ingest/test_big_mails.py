"""Mails that are large, or large on purpose: what they bring is kept, what they cost is bounded."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from mail_ingest.mime.events import PartData, PartStarted
from mail_ingest.mime.reader import MimeReader
from mail_ingest.receive import MailOrigin, ReceivePolicy, receive
from tests.support import big_mails
from tests.support.local_services import local_services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from pathlib import Path

    from mail_ingest.mime.events import Event
    from shared.model import Submission

    type Maker = Callable[[int], Iterator[bytes]]

_SIZE = 1_500_000
_AFTER_A_PHOTO: dict[str, Maker] = {
    "tiny parts": big_mails.tiny_parts,
    "almost boundaries": big_mails.almost_boundaries,
    "boundary prefixes": big_mails.boundary_prefixes,
    "deep multiparts": lambda size: big_mails.deep_multiparts(size // 60),
}
_WITHOUT_A_PHOTO: dict[str, Maker] = {
    "header bomb": big_mails.header_bomb,
    "endless header line": big_mails.endless_header_line,
    "deep messages": lambda size: big_mails.deep_messages(size // 32),
}


def events_of(chunks: Iterable[bytes]) -> Iterator[Event]:
    reader = MimeReader()
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.close()


def test_all_of_five_hundred_attachments_come_out() -> None:
    names: set[str] = set()
    size = 0
    for event in events_of(big_mails.many_attachments(500)):
        match event:
            case PartStarted(part) if part.file_name:
                names.add(part.file_name)
            case PartData(_, data):
                size += len(data)
            case _:
                pass
    assert len(names) == 500
    assert size == 500 * (len(big_mails.media("small/moon.jpg")) + 5)


def test_a_large_video_is_read_in_little_memory() -> None:
    tracemalloc.start()
    size = sum(
        len(event.data)
        for event in events_of(big_mails.one_large_video(20_000_000))
        if isinstance(event, PartData)
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 19_900_000
    assert peak < 4_000_000


async def received(chunks: Iterable[bytes], folder: Path) -> Submission:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    origin = MailOrigin(source="replay", key="big", received_at="2026-11-24T09:15:00Z")
    with local_services(folder) as services:
        accepted = await receive(
            stream(), origin=origin, intake=services.intake, policy=ReceivePolicy()
        )
    return accepted.submission


@pytest.mark.parametrize("oddity", _AFTER_A_PHOTO)
async def test_a_photo_before_the_harm_is_kept(oddity: str, tmp_path: Path) -> None:
    start = time.process_time()
    submission = await received(_AFTER_A_PHOTO[oddity](_SIZE), tmp_path)
    assert time.process_time() - start < 5  # some tenths of a second on an idle machine
    assert [one.file_name for one in submission.media] == ["moon.jpg"]
    assert submission.defects


@pytest.mark.parametrize("oddity", _WITHOUT_A_PHOTO)
async def test_harm_alone_is_a_submission_without_media(oddity: str, tmp_path: Path) -> None:
    submission = await received(_WITHOUT_A_PHOTO[oddity](_SIZE), tmp_path)
    assert submission.media == ()
    assert submission.defects
