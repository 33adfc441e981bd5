"""A file that is written aside and appears, whole and flushed, by one rename."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from adapters.local.durable_files import make_folders, require_room, sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class NewFile:
    """Written at `path`, a path of its own on the same file system as its destination; it raises
    StorageFullError rather than leave less than `kept_free_bytes` of the disk.
    """

    def __init__(self, path: Path, *, kept_free_bytes: int = 0) -> None:
        self._path = path
        self._kept_free_bytes = kept_free_bytes
        self._file: int | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        if self._kept_free_bytes:
            require_room(self._path.parent, self._kept_free_bytes)
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        write_all(self._file, data)

    def publish(self, destination: Path) -> None:
        """Appear at `destination`, in place of what is there; durable on return."""
        self._finish()
        self._name(destination, lambda: self._path.replace(destination))

    def publish_new(self, destination: Path) -> bool:
        """Appear at `destination` if nothing is there; else False, and nothing has changed."""
        self._finish()
        try:
            self._name(destination, lambda: destination.hardlink_to(self._path))
        except FileExistsError:
            return False
        finally:
            self._path.unlink()
        return True

    def discard(self) -> None:
        """Remove what was written, unless it has appeared."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._path.unlink(missing_ok=True)

    def _finish(self) -> None:
        self.write(b"")
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None

    def _name(self, destination: Path, give_name: Callable[[], object]) -> None:
        folder = destination.parent
        changed = make_folders(folder)
        try:
            give_name()
        except FileNotFoundError:  # somebody has just removed the folder, because it was empty
            changed = make_folders(folder)
            give_name()
        for changed_folder in (folder, *changed):
            sync_folder(changed_folder)
