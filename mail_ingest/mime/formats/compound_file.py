"""Compound files, the file system within a file that Outlook's .msg is made of (MS-CFB).

Storages are folders, streams are files. Chains that run in circles or out of the file end where
they can be followed no further.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")

_HEADER = struct.Struct("<30xHH10xIIIIIIII")  # from the sector shift to the DIFAT's length
_HEADER_DIFAT = slice(76, 512)
_ENTRY = struct.Struct("<64sHBxIII36xIQ")  # MS-CFB 2.6.1
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_LAST_SECTOR = 0xFFFFFFFA  # higher numbers have a meaning of their own (MS-CFB 2.1)


@dataclass(slots=True, kw_only=True)
class Entry:
    """A storage or a stream; the names of its children are in lower case."""

    name: str
    is_storage: bool
    start: int
    size: int
    siblings: tuple[int, int]
    child: int
    children: dict[str, Entry] = field(default_factory=dict[str, "Entry"])


class CompoundFile:
    """A compound file in memory. Raises ValueError when it has no readable directory."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MAGIC) or len(data) < _HEADER_DIFAT.stop:
            raise ValueError("no compound file")
        self._data = memoryview(data)
        (
            sector_shift, mini_shift, _, directory, _, self._mini_cutoff,
            mini_fat, _, difat, _,
        ) = _HEADER.unpack_from(data)  # fmt: skip
        if not (7 <= sector_shift <= 16 and 4 <= mini_shift < sector_shift):
            raise ValueError("sectors of an absurd size")
        self._sector_size = 1 << sector_shift
        self._mini_size = 1 << mini_shift
        self._fat = self._read_fat(difat)
        self._mini_fat = _numbers(b"".join(self._sectors(mini_fat)))
        self.root = self._read_directory(b"".join(self._sectors(directory)))
        self._mini_stream = memoryview(b"".join(self._sectors(self.root.start)))

    def content(self, stream: Entry) -> bytes:
        """The bytes of a stream; fewer than its size when its chain breaks."""
        if stream.size < self._mini_cutoff:
            return _taken(self._mini_sectors(stream.start), stream.size)
        return _taken(self._sectors(stream.start), stream.size)

    def _read_fat(self, difat: int) -> array[int]:
        """The table that says which sector follows which (MS-CFB 2.3, 2.5)."""
        places = _numbers(self._data[_HEADER_DIFAT])
        for _ in range(len(self._data) // self._sector_size):
            if difat >= _LAST_SECTOR:
                break
            numbers = _numbers(self._sector(difat))
            if not numbers:
                break
            difat = numbers.pop()
            places.extend(numbers)
        most = len(self._data) // self._sector_size + 1
        used = [place for place in places if place < _LAST_SECTOR][:most]
        return _numbers(b"".join(self._sector(place) for place in used))

    def _sector(self, number: int) -> memoryview:
        start = (number + 1) * self._sector_size  # the header takes the place of one
        return self._data[start : start + self._sector_size]

    def _sectors(self, start: int) -> Iterator[memoryview]:
        for number in _chain(self._fat, start):
            yield self._sector(number)

    def _mini_sectors(self, start: int) -> Iterator[memoryview]:
        for number in _chain(self._mini_fat, start):
            at = number * self._mini_size
            yield self._mini_stream[at : at + self._mini_size]

    def _read_directory(self, raw: bytes) -> Entry:
        entries = [_entry(fields) for fields in _ENTRY.iter_unpack(raw[: len(raw) // 128 * 128])]
        if not entries or not entries[0].is_storage:
            raise ValueError("no directory")
        unseen = set(range(1, len(entries)))
        storages = [entries[0]]
        while storages:
            storage = storages.pop()
            waiting = [storage.child]  # the root of a tree of siblings (MS-CFB 2.6.4)
            while waiting:
                number = waiting.pop()
                if number not in unseen:
                    continue
                unseen.remove(number)
                entry = entries[number]
                storage.children[entry.name.lower()] = entry
                waiting.extend(entry.siblings)
                if entry.is_storage:
                    storages.append(entry)
        return entries[0]


def _entry(fields: tuple[bytes, int, int, int, int, int, int, int]) -> Entry:
    name, name_size, kind, left, right, child, start, size = fields
    return Entry(
        name=name[: max(0, min(name_size, 64) - 2)].decode("utf-16-le", "replace"),
        is_storage=kind in {_STORAGE, _ROOT},
        start=start,
        size=size & 0xFFFFFFFF if kind == _STREAM else 0,  # version 3 leaves rubbish above
        siblings=(left, right),
        child=child,
    )


def _chain(table: array[int], start: int) -> Iterator[int]:
    """The sectors of a chain. A chain is never longer than its table, unless it is a circle."""
    number = start
    for _ in range(len(table)):
        if number >= len(table):
            return
        yield number
        number = table[number]


def _numbers(data: bytes | memoryview) -> array[int]:
    numbers = array("I")
    numbers.frombytes(data[: len(data) // 4 * 4])
    return numbers


def _taken(pieces: Iterator[memoryview], size: int) -> bytes:
    """The first `size` bytes of the pieces."""
    taken = bytearray()
    for piece in pieces:
        if len(taken) >= size:
            break
        taken += piece
    return bytes(taken[:size])
