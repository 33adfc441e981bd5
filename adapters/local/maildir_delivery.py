"""One mail on its way into a Maildir: written to ``tmp``, durable and visible in ``new`` at once.

The name in ``new`` derives from the content, so the same mail delivered twice is one message. Not
here: SMTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.local import maildir
from adapters.local.durable_files import (
    KEPT_FREE_BYTES,
    full_disk_is_named,
    require_room,
    sync_folder,
    write_all,
)
from mail_ingest.ports import SOURCE
from shared.ids import submission_id

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "smtp-"
_BUFFER = 256 * 1024  # bytes that are gathered before a thread is asked to write them
_ABANDONED_S = 3600.0  # our own drafts; nobody writes to one for so long
_FORGOTTEN_S = 36 * 3600.0  # anybody's drafts, by the Maildir specification


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A mail that lies in ``new`` under `name`, and the submission that will be made of it."""

    name: str
    submission_id: str


class MaildirDelivery:
    """A mail that is being written. `front` is put before it, and is not part of its identity;
    `sender` is, because the answer goes to the sender.

    End it with `commit` or `abandon`. Raises StorageFullError and OSError.
    """

    def __init__(self, folder: Path, *, front: bytes, sender: str) -> None:
        self._folder = folder
        self._waiting = bytearray(front)
        self._identity = hashlib.sha256(sender.encode("utf-8", "surrogateescape") + b"\n")
        self._unhashed = len(front)
        self._descriptor = -1
        self._draft = ""

    async def write(self, data: bytes) -> None:
        """Append; nothing of it is visible before `commit`."""
        self._waiting += data
        if len(self._waiting) >= _BUFFER:
            await self._run(self._flush)

    async def commit(self) -> Delivered:
        """Make the mail durable and visible."""
        return await self._run(self._commit)

    async def abandon(self) -> None:
        """Leave nothing behind. Harmless after `commit`."""
        if self._descriptor >= 0:
            await _to_the_end(self._abandon)

    async def _run[R](self, work: Callable[[], R]) -> R:
        with full_disk_is_named(self._folder):
            return await _to_the_end(work)

    def _flush(self) -> None:
        require_room(self._folder, KEPT_FREE_BYTES)
        if self._descriptor < 0:
            self._descriptor, self._draft = tempfile.mkstemp(
                prefix=PREFIX, dir=self._folder / "tmp"
            )
        with memoryview(self._waiting) as waiting:
            self._identity.update(waiting[self._unhashed :])
            write_all(self._descriptor, waiting)
        self._unhashed = 0
        self._waiting.clear()

    def _commit(self) -> Delivered:
        self._flush()
        os.fsync(self._descriptor)
        name = f"{PREFIX}{self._identity.hexdigest()[:40]}"
        new = self._folder / "new"
        # Before the mail is visible: a reader may take it away at once.
        key = maildir.submission_key(Path(self._draft), name)
        Path(self._draft).rename(new / name)
        self._close()
        sync_folder(new)
        return Delivered(name=name, submission_id=submission_id(SOURCE, key))

    def _abandon(self) -> None:
        self._close()
        Path(self._draft).unlink(missing_ok=True)

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1


def remove_abandoned(folder: Path) -> None:
    """Remove the drafts of deliverers that died. Blocking."""
    now = time.time()
    with os.scandir(folder / "tmp") as entries:
        for entry in entries:
            patience_s = _ABANDONED_S if entry.name.startswith(PREFIX) else _FORGOTTEN_S
            with contextlib.suppress(FileNotFoundError):
                if entry.is_file() and now - entry.stat().st_mtime > patience_s:
                    Path(entry.path).unlink()


async def _to_the_end[R](work: Callable[[], R]) -> R:
    """Run blocking work; when cancelled, end after it, so that a clean-up never overtakes it."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():  # a second cancellation must not overtake the thread either
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        running.exception()
        raise
