"""The data folder of one machine: what lies where in it, which version it has, who serves it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import SettingsError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

VERSION = 1
_UMASK = 0o027
_RIGHTS_OF_OTHERS, _ALL_BUT_PASSING = 0o007, 0o006
_SETTING = "MAIL_INGEST_DATA"


class InUseError(SettingsError):
    """Another process serves this folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            _SETTING, f"{path} is served by another process. Stop it, or choose another folder."
        )


def close_to_others() -> None:
    """From now on this process makes files 0640 and folders 0750, or narrower where its umask is:
    what the public sends in, and who sent it, is not for every user of the machine.
    """
    os.umask(os.umask(_UMASK) | _UMASK)


def _take_from_others(path: Path, rights: int = _RIGHTS_OF_OTHERS) -> None:
    # Gone meanwhile (a WAL comes and goes), or of another user, who decides.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & rights:
            path.chmod(mode & ~rights)


class NoDataError(SettingsError):
    """There is nothing to read at this place."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            _SETTING,
            f"there is no data in {path}. Name the data folder, or run the command beside it:"
            f" {_SETTING}=/path/to/data mail-ingest ...",
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
        close_to_others()
        try:
            folder.path.mkdir(parents=True, exist_ok=True, mode=0o750)
            folder._check_version()
            folder._close_what_is_there()
        except OSError as exc:
            if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFullError(str(path)) from exc
            raise SettingsError(_SETTING, f"{path} cannot be used: {exc.strerror}.") from exc
        return folder

    def _close_what_is_there(self) -> None:
        """Take from others what an older release, or a wide umask, gave them. What the group may
        do is the operator's choice and stays.
        """
        for pattern in ("*.db", "*.db-wal", "*.db-shm", "lock", "version"):
            for file in self.path.glob(pattern):
                _take_from_others(file)
        for folder in (self.blobs, self.outbox):
            _take_from_others(folder)
        if self.path.stat().st_mode & stat.S_ISVTX:
            return  # like /tmp: shared on purpose
        delivered, others_deliver = self.mailbox / "new", False
        with contextlib.suppress(FileNotFoundError):
            others_deliver = bool(delivered.stat().st_mode & stat.S_IWOTH)
        # A mail program of another user may deliver into the Maildir: it must get there.
        _take_from_others(self.path, _ALL_BUT_PASSING if others_deliver else _RIGHTS_OF_OTHERS)

    @classmethod
    def at(cls, path: Path) -> DataFolder:
        """The folder as it is, also where there is none yet; makes nothing. Raises SettingsError
        when a newer version of the product has written it.
        """
        folder = cls(path.absolute())
        try:
            folder._has_our_version()
        except OSError as exc:
            raise SettingsError(_SETTING, f"{path} cannot be used: {exc.strerror}.") from exc
        return folder

    @classmethod
    def existing(cls, path: Path) -> DataFolder:
        """The folder, which a server or `replay` has filled; makes nothing. Raises SettingsError,
        which says where was looked and how to name another.
        """
        folder = cls.at(path)
        if not folder.state.is_file():
            raise NoDataError(folder.path)
        return cls.open(path)

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

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    def is_served(self) -> bool:
        """Whether a process serves this folder now."""
        if not self._lock.exists():
            return False
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
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
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
        if not self._has_our_version():
            (self.path / "version").write_text(f"{VERSION}\n", "ascii")

    def _has_our_version(self) -> bool:
        """Whether we have written it; False where nobody has. Raises SettingsError, OSError."""
        file = self.path / "version"
        try:
            text = file.read_text("ascii").strip()
        except FileNotFoundError:
            return False
        if not text.isdigit():
            raise SettingsError(_SETTING, f"{file} does not hold a version; is this our folder?")
        if int(text) > VERSION:
            raise SettingsError(
                _SETTING,
                f"{self.path} was written by a newer version of mail_ingest (format {text}, this"
                f" one reads up to {VERSION}). Install that version, or choose another folder.",
            )
        return True
