"""Writes Outlook .msg files (MS-OXMSG in MS-CFB, version 3) for tests and fixtures only."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_SECTOR = 512
_MINI = 64
_CUTOFF = 4096
_FREE, _END, _FAT, _DIFAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
_IN_HEADER = 109  # sectors of the FAT that the header has room for

type Tree = dict[str, "bytes | Tree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An attachment of a .msg; a message as content is attached as a message."""

    name: str
    content: bytes | tuple[File, ...]
    media_type: str = ""
    content_id: str = ""


def msg(*files: File, unicode: bool = True, codepage: int = 1252) -> bytes:
    """A .msg file with these attachments."""
    return compound_file(_message(files, unicode=unicode, codepage=codepage))


def _message(files: tuple[File, ...], *, unicode: bool, codepage: int) -> Tree:
    properties = bytes(32) + struct.pack("<HHIII", 3, 0x3FFD, 6, codepage, 0)
    tree: Tree = {"__properties_version1.0": properties}
    tree["__substg1.0_1000001F"] = "The body is no attachment.".encode("utf-16-le")
    for number, file in enumerate(files):
        tree[f"__attach_version1.0_#{number:08X}"] = _attachment(
            file, unicode=unicode, codepage=codepage
        )
    return tree


def _attachment(file: File, *, unicode: bool, codepage: int) -> Tree:
    kind, encoding = (0x1F, "utf-16-le") if unicode else (0x1E, f"cp{codepage}")
    tree: Tree = {}
    texts = {0x3707: file.name, 0x370E: file.media_type, 0x3712: file.content_id}
    for number, text in texts.items():
        if text:
            tree[f"__substg1.0_{number:04X}{kind:04X}"] = text.encode(encoding)
    if isinstance(file.content, bytes):
        tree["__substg1.0_37010102"] = file.content
    else:
        inner = _message(file.content, unicode=unicode, codepage=codepage)
        tree["__substg1.0_3701000D"] = inner
    tags = [(int(name[-8:-4], 16), int(name[-4:], 16)) for name in tree]
    listed = b"".join(struct.pack("<HH12x", kind, number) for number, kind in tags)
    return tree | {"__properties_version1.0": bytes(8) + listed}


@dataclass(slots=True)
class _Layout:
    """Sectors and directory entries as they are handed out."""

    sectors: list[bytes] = field(default_factory=list[bytes])
    fat: list[int] = field(default_factory=list[int])
    mini_stream: bytearray = field(default_factory=bytearray)
    mini_fat: list[int] = field(default_factory=list[int])
    entries: list[bytes] = field(default_factory=list[bytes])

    def place(self, data: bytes) -> int:
        """Put bytes into a chain of sectors; its first sector."""
        if not data:
            return _END
        first = len(self.sectors)
        for at in range(0, len(data), _SECTOR):
            self.sectors.append(data[at : at + _SECTOR].ljust(_SECTOR, b"\0"))
            self.fat.append(len(self.fat) + 1)
        self.fat[-1] = _END
        return first

    def place_small(self, data: bytes) -> int:
        """Put bytes into the mini stream; their first mini sector."""
        if not data:
            return _END
        first = len(self.mini_fat)
        padded = data.ljust(-(-len(data) // _MINI) * _MINI, b"\0")
        self.mini_stream += padded
        self.mini_fat += range(first + 1, first + len(padded) // _MINI + 1)
        self.mini_fat[-1] = _END
        return first

    def add(self, name: str, content: bytes | Tree, right: int) -> int:
        """Write an entry after its children; its number."""
        if isinstance(content, bytes):
            small = len(content) < _CUTOFF
            start = self.place_small(content) if small else self.place(content)
            return self._entry(name, 2, _FREE, start, len(content), right)
        return self._entry(name, 1, self.add_all(content), 0, 0, right)

    def add_all(self, tree: Tree) -> int:
        """Write the entries of a storage as a chain of right siblings; the first one's number."""
        number = _FREE
        for name in sorted(tree, key=lambda one: (len(one), one.upper()), reverse=True):
            number = self.add(name, tree[name], number)
        return number

    def _entry(self, name: str, kind: int, child: int, start: int, size: int, right: int) -> int:
        self.entries.append(entry(name, kind, child, start, size, right))
        return len(self.entries) - 1


def entry(name: str, kind: int, child: int, start: int, size: int, right: int = _FREE) -> bytes:
    """A directory entry (MS-CFB 2.6.1) without a left sibling."""
    encoded = (name + "\0").encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII36xIQ", encoded, len(encoded), kind, 1, _FREE, right, child, start, size
    )


def compound_file(tree: Tree) -> bytes:
    """A compound file that holds this tree."""
    layout = _Layout()
    layout.entries.append(b"")  # the root has the number 0 and is written last
    child = layout.add_all(tree)
    mini_start = layout.place(bytes(layout.mini_stream))
    layout.entries[0] = entry("Root Entry", 5, child, mini_start, len(layout.mini_stream))
    mini_fat = layout.place(_table(layout.mini_fat))
    directory = layout.place(b"".join(layout.entries))
    fat_start = len(layout.sectors)
    count = -(-(fat_start + 1) // (_SECTOR // 4 - 2))  # room for the FAT and the DIFAT themselves
    places = list(range(fat_start, fat_start + count))
    difat = _difat(places[_IN_HEADER:], fat_start + count)
    layout.fat += [_FAT] * count + [_DIFAT] * len(difat)
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIII", 0, count, directory, 0, _CUTOFF)
    header += struct.pack("<II", mini_fat, -(-len(layout.mini_fat) // 128))
    header += struct.pack("<II", fat_start + count if difat else _END, len(difat))
    header += _table(places[:_IN_HEADER], _IN_HEADER * 4)
    return header + b"".join(layout.sectors) + _table(layout.fat, count * _SECTOR) + b"".join(difat)


def _difat(places: list[int], first: int) -> list[bytes]:
    """The sectors that say where the FAT goes on, beyond what the header has room for."""
    pieces = [places[at : at + 127] for at in range(0, len(places), 127)]
    following = [*range(first + 1, first + len(pieces)), _END]
    return [
        _table(piece + [_FREE] * (127 - len(piece)) + [after])
        for piece, after in zip(pieces, following, strict=False)
    ]


def _table(numbers: list[int], size: int = 0) -> bytes:
    packed = struct.pack(f"<{len(numbers)}I", *numbers)
    return packed.ljust(size or -(-len(packed) // _SECTOR) * _SECTOR, b"\xff")
