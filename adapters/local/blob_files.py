"""Reading and removing the files of blobs; blocking, so it runs in threads."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from io import FileIO
from typing import TYPE_CHECKING

from adapters.local.blob_names import names_below, path_of
from adapters.local.durable_files import sync_folder
from shared.errors import BlobNotFoundError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


def read_whole(path: Path, name: str) -> bytes:
    """All bytes of a small blob."""
    with _missing_is_named(name):
        return path.read_bytes()


def open_range(path: Path, name: str, offset: int, length: int | None) -> tuple[FileIO, int]:
    """The file at `offset`, and how many bytes are to be read from there."""
    with _missing_is_named(name):
        file = FileIO(path)
    rest = max(0, os.fstat(file.fileno()).st_size - offset)
    file.seek(offset)
    return file, rest if length is None else min(rest, length)


def remove_below(root: Path, prefix: str) -> int:
    """Remove the blobs whose names start with `prefix`, and the folders that are empty then."""
    paths = [path_of(root, name) for name in names_below(root, prefix)]
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in {_remove_empty(path.parent, root) for path in paths}:
        with suppress(FileNotFoundError):  # somebody else has removed it, and flushed that
            sync_folder(folder)
    return len(paths)


def _remove_empty(folder: Path, root: Path) -> Path:
    """Remove a folder and its parents below `root` while they are empty; the one that stays."""
    while folder != root:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            break  # there is something in it
        folder = folder.parent
    return folder


@contextmanager
def _missing_is_named(name: str) -> Generator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as exc:
        raise BlobNotFoundError(name) from exc
