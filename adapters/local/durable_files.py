"""Files that survive a power cut: both the bytes and the folder that names them are flushed."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import StorageFullError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

KEPT_FREE_BYTES = 16 * 1024 * 1024
"""What media and mails leave free: room for the records, the queue and the histories of what was
taken, so that a full disk refuses the next submission and does not hurt the last ones."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def full_disk_is_named(where: Path) -> Generator[None]:
    """Turn the operating system's "no space left" into StorageFullError."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _FULL:
            raise StorageFullError(str(where)) from exc
        raise


def require_room(folder: Path, kept_free_bytes: int) -> None:
    """Raise StorageFullError when no more than this is free on the disk of a folder."""
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < kept_free_bytes:
        raise StorageFullError(str(folder))


def write_all(file: int, data: bytes | bytearray | memoryview) -> None:
    """Write every byte to a file descriptor, however few the system takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def make_folders(folder: Path) -> list[Path]:
    """Make a folder and its missing parents; the folders that got a new entry, to be flushed."""
    try:
        folder.mkdir()
    except FileExistsError:
        return []
    except FileNotFoundError:
        return [*make_folders(folder.parent), *make_folders(folder)]
    return [folder.parent]


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
