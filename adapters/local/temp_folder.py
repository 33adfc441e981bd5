"""A folder for half-written files, whose leftovers are removed once their process is dead.

Each process has a folder of its own below `root` and keeps it locked (flock) as long as it lives;
the kernel lets go of the lock at any kind of death, so whoever starts next sees what may go.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


class TempFolder:
    """This process's folder for half-written files; `root` is shared with other processes."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._numbers = itertools.count()
        with _locked(root / "lock"):
            _remove_leftovers(root)
            self._path, self._lock = _own_folder(root)

    def new_path(self) -> Path:
        """A path that no other file has."""
        return self._path / str(next(self._numbers))

    def close(self) -> None:
        """Remove the folder, and let go of it."""
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._lock)


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _own_folder(root: Path) -> tuple[Path, int]:
    for number in itertools.count(os.getpid()):
        folder = root / f"process-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue  # a second store of this process, or a process ID of another container
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder, lock
    raise AssertionError("unreachable")


def _remove_leftovers(root: Path) -> None:
    for folder in root.glob("process-*"):
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        except BlockingIOError:
            continue  # its process lives
        finally:
            os.close(lock)
