"""A submission from its first byte until it is accepted, whichever door it comes by: once, also
when it comes twice at the same time, and whole or not at all.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import IngestError, OtherSubmissionError
from shared.ids import blob_prefix
from shared.intake import Accepted
from shared.ports import SubmissionState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator

    from shared.intake import Intake
    from shared.model import Submission
    from shared.ports import BlobStore
    from shared.turns import Turn

    type IsSame = Callable[[Submission], Awaitable[bool]]
    type Read = Callable[[AsyncIterator[bytes], str], Awaitable[Submission]]

logger = logging.getLogger(__name__)


async def receive_once(
    intake: Intake,
    submission_id: str,
    chunks: AsyncIterator[bytes],
    read: Read,
    *,
    is_same: IsSame | None = None,
) -> Accepted:
    """Take a submission in; durable on return. One that was accepted before is not taken again,
    whatever the bytes hold; they are read to the end all the same, because many senders look for an
    answer only then.

    `read` stores what it reads of the submission in the folder that it is given, and gives its
    record. Raises what it, `chunks` and the ports raise; then nothing of the submission stays; and
    OtherSubmissionError, with `chunks` as they were, when `is_same` says that the first was not
    this one.
    """
    async with intake.turns.of(submission_id) as turn:
        first = await intake.known(submission_id)
        if first is not None:
            if is_same is not None and not await is_same(first):
                raise OtherSubmissionError(submission_id)
            async for _ in chunks:
                pass
            await intake.enqueue(first)  # whoever recorded it may have died right after
            accepted = Accepted(submission=first, first=False)
        else:
            accepted = await _accept(intake, turn, chunks, read)
        if turn.number > 1 or not accepted.first:
            await _remove_others(intake.blobs, turn, accepted.submission)
        turn.settled = True
        return accepted


async def finish_cut_off(intake: Intake, submission_id: str) -> bool:
    """Do what an attempt whose record is there has left to be done; whether that was to queue it.
    What the index says may have come before the queue's message, which then never came.
    """
    async with intake.turns.of(submission_id) as turn:
        recorded = await intake.known(submission_id)
        if recorded is None:
            return False
        entry = await intake.index.get(submission_id)
        is_forgotten = entry is None or entry.state is SubmissionState.ACCEPTED
        if is_forgotten:
            await intake.enqueue(recorded)
        await _remove_others(intake.blobs, turn, recorded)
        turn.settled = True
        return is_forgotten


async def remove_cut_off(intake: Intake, submission_id: str) -> bool:
    """Remove what attempts without a record have left: nobody was told that it is taken."""
    async with intake.turns.of(submission_id) as turn:
        if await intake.known(submission_id) is not None:
            return False
        removed = await intake.blobs.delete_prefix(blob_prefix(submission_id))
        turn.settled = True
        return removed > 0


async def _accept(intake: Intake, turn: Turn, chunks: AsyncIterator[bytes], read: Read) -> Accepted:
    try:
        return await intake.accept(await read(chunks, turn.folder))
    except BaseException:  # also a client that hangs up and a host that stops
        await asyncio.shield(_tidy_up(intake, turn))
        raise


async def _tidy_up(intake: Intake, turn: Turn) -> None:
    """Remove the blobs of an attempt that failed. A record that is there all the same is not
    settled: it may not be in the queue yet.
    """
    with _faults_of_tidying_told(turn):
        recorded = await intake.known(turn.submission_id)
        if recorded is None or not _holds(turn, recorded):
            for prefix in turn.prefixes:
                await intake.blobs.delete_prefix(prefix)
        turn.settled = recorded is None and turn.number == 1


async def _remove_others(blobs: BlobStore, turn: Turn, recorded: Submission) -> None:
    """Remove what attempts that were overtaken have left. It hurts nobody, so it holds up nobody:
    whether it stays is no concern of whoever is waiting for an answer.
    """
    with _faults_of_tidying_told(turn):
        for attempt in (*turn.earlier(), turn):
            if not _holds(attempt, recorded):
                for prefix in attempt.prefixes:
                    await blobs.delete_prefix(prefix)


@contextmanager
def _faults_of_tidying_told(turn: Turn) -> Generator[None]:
    try:
        yield
    except IngestError:
        logger.warning(
            "blobs of a failed submission stay",
            extra={"action": "tidy_up_failed", "submission_id": turn.submission_id},
            exc_info=True,
        )


def _holds(turn: Turn, recorded: Submission) -> bool:
    """Whether the blobs of a record are those of this attempt."""
    blobs = [item.blob for item in recorded.media]
    if recorded.original is not None:
        blobs.append(recorded.original.blob)
    return any(blob.startswith(turn.prefixes) for blob in blobs)
