"""Mails that are large, or large on purpose: what they bring is kept, what they cost is bounded."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from mail_ingest.mime.events import DefectFound, PartData, PartStarted
from mail_ingest.mime.reader import MimeReader
from tests.support import big_mails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mail_ingest.mime.events import Event

    type Maker = Callable[[int], Iterator[bytes]]

_SIZE = 4_000_000
_HOSTILE: dict[str, Maker] = {
    "tiny parts": big_mails.tiny_parts,
    "header bomb": big_mails.header_bomb,
    "endless header line": big_mails.endless_header_line,
    "almost boundaries": big_mails.almost_boundaries,
    "boundary prefixes": big_mails.boundary_prefixes,
    "deep multiparts": lambda size: big_mails.deep_multiparts(size // 60),
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


@pytest.mark.parametrize("oddity", _HOSTILE)
def test_a_hostile_mail_costs_little_and_says_what_is_wrong(oddity: str) -> None:
    start = time.process_time()
    events = list(events_of(_HOSTILE[oddity](_SIZE)))
    assert time.process_time() - start < 5  # a fifth of a second on an idle machine
    assert any(isinstance(event, DefectFound) for event in events)
    assert len(events) < 100_000
