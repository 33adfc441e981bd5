"""Blob names as paths below a folder, one to one, so that the folder can be read by people.

A name is kept as it is, save for what a file system cannot hold: ``%``, a backslash, control
characters and a dot at the start of a segment become ``%XX``; a segment that is longer than a file
name may be goes on in a folder below, whose own name then ends in a bare ``%``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from shared.blob_names import checked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_SEGMENT_BYTES = 240  # file systems take 255
_ESCAPED = re.compile(r"[%\\\x00-\x1f\x7f]|^\.")
_ESCAPE = re.compile(r"%([0-9A-F]{2})")
_GOES_ON = "%"


def path_of(root: Path, name: str) -> Path:
    """Where the blob of this name lies; raises ValueError when it is no name."""
    parts = [part for segment in checked(name).split("/") for part in _parts(segment)]
    return root.joinpath(*parts)


def names_below(root: Path, prefix: str) -> Iterator[str]:
    """The names of the files below `root` that start with `prefix`, in order."""
    yield from _walk(str(root), "", prefix)


def _walk(folder: str, before: str, prefix: str) -> Iterator[str]:
    for name, path, is_folder in sorted(_entries(folder, before)):
        if not is_folder:
            if name.startswith(prefix):
                yield name
        elif name.startswith(prefix) or prefix.startswith(name):
            yield from _walk(path, name, prefix)


def _entries(folder: str, before: str) -> list[tuple[str, str, bool]]:
    """(name, path, whether it is a folder) of a folder's entries; a folder's name ends in a slash.

    A folder that another process has just removed has none.
    """
    found: list[tuple[str, str, bool]] = []
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return []
    for entry in entries:
        if entry.name.startswith("."):
            continue  # not a blob: no name of ours begins with a dot
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name.endswith(_GOES_ON):
            found += _entries(entry.path, before + _unescaped(entry.name[:-1]))
        else:
            name = before + _unescaped(entry.name)
            found.append((f"{name}/" if is_folder else name, entry.path, is_folder))
    return found


def _parts(segment: str) -> list[str]:
    """A segment as file names: all but the last go on in the next."""
    escaped = _ESCAPED.sub(_escape, segment)
    if len(escaped.encode()) <= _MAX_SEGMENT_BYTES:
        return [escaped]
    parts = [""]
    for piece in re.findall(r"%..|.", escaped, re.DOTALL):
        if len((parts[-1] + piece).encode()) > _MAX_SEGMENT_BYTES:
            parts[-1] += _GOES_ON
            parts.append("")
        parts[-1] += piece
    return parts


def _escape(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
