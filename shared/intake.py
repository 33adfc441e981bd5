"""The one way in: a submission whose blobs are stored becomes a record, an index line and a queue
message.

Not here: reading mail or HTTP, and the streaming of blobs; both doors do that before they call
`accept`. Nor is it here that the world is told: no event service that is down shuts a door.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.codec import from_json, to_json
from shared.errors import BlobNotFoundError
from shared.ids import blob_prefix
from shared.model import Submission, SubmissionQueued
from shared.ports import IndexEntry, SubmissionState
from shared.tracing import NO_TELEMETRY, carried

if TYPE_CHECKING:
    from shared.ports import (
        BlobStore,
        Clock,
        SubmissionIndex,
        Telemetry,
        WorkQueue,
    )
    from shared.turns import Turns

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer to whoever submitted: the record as it is kept, and whether this call made it."""

    submission: Submission
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Accepts submissions through the ports of a platform."""

    blobs: BlobStore
    queue: WorkQueue
    index: SubmissionIndex
    clock: Clock
    turns: Turns
    telemetry: Telemetry = NO_TELEMETRY

    async def known(self, submission_id: str) -> Submission | None:
        """The record of a submission that was accepted before, or None."""
        name = record_name(submission_id)
        try:
            return from_json(await self.blobs.get(name), Submission, where=name)
        except BlobNotFoundError:
            return None

    async def accept(self, submission: Submission) -> Accepted:
        """Take responsibility for a submission; durable on return.

        Its blobs must be stored. Accepting an ID that was accepted before changes nothing and gives
        the first record; the steps after the record are done again all the same, because the first
        call may have died between them, and each is harmless when repeated.
        """
        with self.telemetry.span("accept_submission", submission_id=submission.id) as span:
            accepted = await self._accept(submission)
            span.set(first=int(accepted.first))
        return accepted

    async def _accept(self, submission: Submission) -> Accepted:
        name = record_name(submission.id)
        first = await self.blobs.put_new(name, to_json(submission), content_type="application/json")
        if not first:
            submission = from_json(await self.blobs.get(name), Submission, where=name)
        await self.enqueue(submission)
        if first:
            logger.info(
                "submission accepted",
                extra={
                    "action": "submission_accepted",
                    "submission_id": submission.id,
                    "media": len(submission.media),
                    "left_out": len(submission.left_out),
                },
            )
            self._measure(submission)
        return Accepted(submission=submission, first=first)

    async def enqueue(self, submission: Submission) -> None:
        """The steps after the record: queue and index. Harmless when repeated."""
        entry = IndexEntry(
            submission_id=submission.id,
            source=submission.source,
            received_at=submission.received_at,
            state=SubmissionState.ACCEPTED,
            media=len(submission.media),
        )
        message = to_json(SubmissionQueued(submission_id=submission.id))
        send, put = self.queue.send, self.index.put  # neither is begun when one is not to be had
        # At the same time, so that one flush of the disk makes both durable.
        await asyncio.gather(
            send(submission.id, message, application_properties=carried()), put(entry)
        )

    def _measure(self, submission: Submission) -> None:
        original = submission.original
        size = original.size if original else sum(item.size for item in submission.media)
        self.telemetry.count("submissions_accepted", source=submission.source)
        self.telemetry.record("submission_bytes", size, source=submission.source)
        for item in submission.media:
            self.telemetry.count("media_accepted", kind=item.kind.value)
        for part in submission.left_out:
            self.telemetry.count("parts_left_out", reason=part.reason.value)


def record_name(submission_id: str) -> str:
    """The blob that holds a submission's record."""
    return f"{blob_prefix(submission_id)}submission.json"


def outcome_name(submission_id: str) -> str:
    """The blob that holds a submission's outcome."""
    return f"{blob_prefix(submission_id)}outcome.json"


def original_name(folder: str) -> str:
    """The blob that holds a mail as it came. `folder` is that of the attempt (`shared.turns`)."""
    return f"{folder}original.eml"


def media_name(folder: str, number: int, safe_file_name: str) -> str:
    """The blob that holds a media item. `folder` is that of the attempt (`shared.turns`)."""
    return f"{folder}media/{number}/{safe_file_name}"


def upload_name(client: str, upload_id: str) -> str:
    """The blob that a client puts a file into by itself. Its name holds a hash of the client, so
    that no client can name an upload of another.
    """
    owner = hashlib.sha256(client.encode()).hexdigest()[:32]
    return f"uploads/{owner}/{upload_id}"


def thumbnail_name(sha256: str) -> str:
    """The blob that holds the thumbnail (JPEG, at most 320 px) of a photo or a video's poster
    frame.
    """
    return f"descriptions/{sha256}/thumbnail.jpg"


def description_name(sha256: str, provider: str, version: str) -> str:
    """The blob that caches a description by content."""
    return f"descriptions/{sha256}/{provider}-{version}.json"
