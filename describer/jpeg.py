"""The scans of a JPEG, counted without decoding one (ITU-T T.81, annex B).

Each scan of a progressive JPEG goes over the whole picture, however few bytes it has: a file of
half a megabyte can ask for thousands of them.
"""

from __future__ import annotations

import re
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1024 * 1024
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, 0xD8})
# The next marker, past entropy-coded data with its stuffed zeros and restarts (B.1.1.5).
_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")


def has_more_scans(file: BinaryIO, most: int) -> bool:
    """Whether a JPEG has more scans than `most`."""
    with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        # The marker of a scan may also stand in a thumbnail, or behind the picture: counting it
        # everywhere gives too many rather than too few. It takes a tenth of the time.
        return (
            _may_have_several(data)
            and _count_markers(data, most) > most
            and _count_scans(data, most) > most
        )


def _may_have_several(data: mmap) -> bool:
    """Whether the first scan leaves anything to others: details, or a colour."""
    colours = 0
    for marker, position in _segments(data):
        if marker in _PROGRESSIVE:
            return True
        if marker in _FRAMES:
            colours = data[position + 7] if position + 7 < len(data) else 0
        elif marker == _START_OF_SCAN:
            return position + 2 >= len(data) or data[position + 2] < colours
    return False


def _count_markers(data: mmap, most: int) -> int:
    found = 0
    for start in range(0, len(data), _CHUNK):
        found += data[start : start + _CHUNK + 1].count(bytes((0xFF, _START_OF_SCAN)))
        if found > most:
            break
    return found


def _count_scans(data: mmap, most: int) -> int:
    scans = 0
    for marker, _ in _segments(data):
        scans += marker == _START_OF_SCAN
        if scans > most:
            break
    return scans


def _segments(data: mmap) -> Iterator[tuple[int, int]]:
    """The markers up to the end of the picture, and where what belongs to each begins."""
    position = 2
    while found := _MARKER.search(data, position):
        marker, position = found[1][0], found.end()
        if marker == _END_OF_IMAGE:
            return
        yield marker, position
        if marker not in _WITHOUT_LENGTH:
            position += max(2, int.from_bytes(data[position : position + 2]))
