"""The data folder of one machine: what lies where in it, which version it has, who serves it."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import SettingsError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

VERSION = 1
_SETTING = "MAIL_INGEST_DATA"


class InUseError(SettingsError):
    """Another process serves this folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            _SETTING, f"{path} is served by another process. Stop it, or choose another folder."
        )


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The places in a data folder. Make one by `DataFolder.open`."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> DataFolder:
        """Make the folder where it is missing. Raises SettingsError with a sentence, for instance
        when a newer version of the product has written it.
        """
        folder = cls(path.absolute())
        try:
            folder.path.mkdir(parents=True, exist_ok=True, mode=0o750)
            folder._check_version()
        except OSError as exc:
            if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFullError(str(path)) from exc
            raise SettingsError(_SETTING, f"{path} cannot be used: {exc.strerror}.") from exc
        return folder

    @property
    def blobs(self) -> Path:
        """Submissions and descriptions."""
        return self.path / "blobs"

    @property
    def mailbox(self) -> Path:
        """The Maildir."""
        return self.path / "mailbox"

    @property
    def outbox(self) -> Path:
        """Answers, where no mail server is set."""
        return self.path / "outbox"

    @property
    def state(self) -> Path:
        """Queue, index, events, jobs, ledgers."""
        return self.path / "state.db"

    @property
    def engine(self) -> Path:
        """Histories of the orchestrations."""
        return self.path / "engine.db"

    @property
    def secret(self) -> Path:
        """The key that webhooks are signed with, where none is set."""
        return self.path / "webhook-secret"

    def is_served(self) -> bool:
        """Whether a process serves this folder now."""
        try:
            with self.served():
                return False
        except InUseError:
            return True

    @contextmanager
    def served(self) -> Generator[None]:
        """Be the one process that serves this folder. Raises InUseError. The lock ends with the
        process, however it ends.
        """
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(handle)
            raise InUseError(self.path) from exc
        try:
            yield
        finally:
            os.close(handle)

    def _check_version(self) -> None:
        file = self.path / "version"
        try:
            text = file.read_text("ascii").strip()
        except FileNotFoundError:
            file.write_text(f"{VERSION}\n", "ascii")
            return
        if not text.isdigit():
            raise SettingsError(_SETTING, f"{file} does not hold a version; is this our folder?")
        if int(text) > VERSION:
            raise SettingsError(
                _SETTING,
                f"{self.path} was written by a newer version of mail_ingest (format {text}, this"
                f" one reads up to {VERSION}). Install that version, or choose another folder.",
            )
