"""Outgoing mails as files in a folder, for machines that have no mail server: one file per mail.

A file appears whole. The same mail again is the same file, so nothing is ever in it twice.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from adapters.local.durable_files import full_disk_is_named
from adapters.local.new_file import NewFile
from shared.events import rfc3339
from shared.ports import ReplyReceipt, ReplyState

if TYPE_CHECKING:
    from pathlib import Path

    from mail_ingest.reply import OutgoingMail
    from shared.ports import Clock


class Outbox:
    """Delivers into `folder` as ``<identity>.eml``."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    async def deliver(self, mail: OutgoingMail) -> ReplyReceipt:
        """Write the mail; durable on return. Raises StorageFullError."""
        await asyncio.to_thread(self._write, mail)
        return ReplyReceipt(state=ReplyState.SENT, at=rfc3339(self._clock.now()))

    def close(self) -> None:
        """There is nothing to let go of."""

    def _write(self, mail: OutgoingMail) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{mail.identity}.draft"
        draft.unlink(missing_ok=True)  # of a process that died
        file = NewFile(draft)
        try:
            with full_disk_is_named(self._folder):
                file.write(mail.content)
                file.publish(self._folder / f"{mail.identity}.eml")
        finally:
            file.discard()
