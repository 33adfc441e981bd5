"""A submission end to end: read, store, accept; what `mail_ingest.receive` is for mails."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from http_intake.turns import Turns
from shared.errors import IngestError
from shared.ids import blob_prefix
from shared.intake import record_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from shared.intake import Intake
    from shared.model import Submission

    type Read = Callable[[AsyncIterator[bytes]], Awaitable[Submission]]

logger = logging.getLogger(__name__)


class SubmissionIntake:
    """Takes submissions, those of one ID one after the other."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._turns = Turns()

    async def take(self, chunks: AsyncIterator[bytes], read: Read, *, submission_id: str) -> None:
        """Take a body in; durable on return. An ID that was taken before, or is on the way in, is
        not taken again, whatever the body holds.

        `read` stores what it reads of the submission, and gives its record. Raises what it, the
        ports and `chunks` raise; then nothing of the submission stays.
        """
        async with self._turns.of(submission_id):
            if await self._is_repeated(submission_id, chunks):
                return
            try:
                await self._intake.accept(await read(chunks))
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
        """Remove the blobs of a submission that was not accepted."""
        try:
            if not await self._intake.blobs.exists(record_name(submission_id)):
                await self._intake.blobs.delete_prefix(blob_prefix(submission_id))
        except IngestError:
            logger.warning(
                "blobs of a failed submission stay",
                extra={"action": "tidy_up_failed", "submission_id": submission_id},
                exc_info=True,
            )
