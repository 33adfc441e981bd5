"""A form end to end: read, store, accept; what `mail_ingest.receive` is for mails."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from http_intake.submissions import read_submission
from http_intake.turns import Turns
from shared.errors import IngestError
from shared.ids import blob_prefix
from shared.intake import record_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from http_intake.doors import Doors

logger = logging.getLogger(__name__)


class FormIntake:
    """Takes forms, those of one submission ID one after the other."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._intake = doors.intake
        self._turns = Turns()

    async def take(
        self, chunks: AsyncIterator[bytes], boundary: bytes, *, submission_id: str, client: str
    ) -> None:
        """Take a form in; durable on return. An ID that was taken before, or is on the way in, is
        not taken again, whatever the form holds.

        Raises ProblemError, and whatever the ports and `chunks` raise; then nothing of it stays.
        """
        async with self._turns.of(submission_id):
            if await self._is_repeated(submission_id, chunks):
                return
            try:
                submission = await read_submission(
                    chunks, boundary, submission_id=submission_id, client=client, doors=self._doors
                )
                await self._intake.accept(submission)
            except BaseException:  # also a client that hangs up and a host that stops
                await asyncio.shield(self._tidy_up(submission_id))
                raise

    async def _is_repeated(self, submission_id: str, chunks: AsyncIterator[bytes]) -> bool:
        """Whether it was accepted before; then the steps after the record are done once more,
        because the first request may have died between them. The body is read all the same: many
        clients look for an answer only after sending it.
        """
        first = await self._intake.known(submission_id)
        if first is None:
            return False
        async for _ in chunks:
            pass
        await self._intake.enqueue(first)
        return True

    async def _tidy_up(self, submission_id: str) -> None:
        """Remove the blobs of a form that was not accepted."""
        try:
            if not await self._intake.blobs.exists(record_name(submission_id)):
                await self._intake.blobs.delete_prefix(blob_prefix(submission_id))
        except IngestError:
            logger.warning(
                "blobs of a failed submission stay",
                extra={"action": "tidy_up_failed", "submission_id": submission_id},
                exc_info=True,
            )
