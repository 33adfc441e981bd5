"""From the queue to the engine: a message starts the orchestration whose instance ID is the
submission's.

A message is completed only after the start is committed. A message that cannot be started is
delivered again, and after enough deliveries put aside with its reason; it never disappears. While
the services that a start needs are down, no message is put aside: it is tried for as long as that
takes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared import events, steps
from shared.codec import from_json, to_payload
from shared.errors import (
    IngestError,
    ServiceUnavailableError,
    StorageCorruptError,
    StorageFullError,
)
from shared.ids import copied_message_id, copies_before, submission_of
from shared.intake import record_name
from shared.model import Submission, SubmissionQueued
from shared.ports import IndexEntry, InstanceState, SubmissionState
from shared.tracing import NO_TELEMETRY, TRACEPARENT, current_traceparent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.ports import (
        BlobStore,
        Clock,
        Engine,
        EventPublisher,
        QueuedMessage,
        SubmissionIndex,
        Telemetry,
    )

logger = logging.getLogger(__name__)

_PASSING = (ServiceUnavailableError, StorageFullError, OSError)  # no submission's own fault
_LONGEST_PAUSE_S = 60.0


class Settlement(Protocol):
    """The part of a WorkQueue that ends a delivery; the Functions host does it in its own way."""

    async def send(
        self,
        message_id: str,
        body: bytes,
        *,
        application_properties: Mapping[str, str] | None = None,
    ) -> None:
        """Enqueue; durable on return. A message_id that was sent before is ignored."""
        ...

    async def complete(self, message: QueuedMessage) -> None:
        """The message is done."""
        ...

    async def abandon(self, message: QueuedMessage, *, delay_s: float = 0.0) -> None:
        """Give the message back."""
        ...

    async def dead_letter(self, message: QueuedMessage, *, reason: str, description: str) -> None:
        """Put the message aside."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Starts submissions through the ports of a platform."""

    blobs: BlobStore
    queue: Settlement
    engine: Engine
    index: SubmissionIndex
    publisher: EventPublisher
    clock: Clock
    patience: steps.Patience
    deliveries: int = 10
    telemetry: Telemetry = NO_TELEMETRY

    async def dispatch(self, message: QueuedMessage) -> None:
        """Start what the message names, then complete it; on a fault give it back, or aside."""
        try:
            await self.start(
                message.body, traceparent=message.application_properties.get(TRACEPARENT, "")
            )
        except (IngestError, OSError) as exc:
            await self._give_back(message, exc)
        except Exception as exc:  # a mistake of ours; unsettled, the message would come at once
            submission_id = submission_of(message.message_id)
            facts = {"action": "dispatch_failed", "submission_id": submission_id}
            logger.exception("submission not started by a mistake", extra=facts)
            await self._give_back(message, exc)
        else:
            await self.queue.complete(message)

    async def start(self, body: bytes, *, traceparent: str = "") -> None:
        """Start the orchestration, as a step of the trace that came with the message. An instance
        that exists, or a submission that is done, is success.
        """
        queued = from_json(body, SubmissionQueued, where="the queue message")
        with self.telemetry.span(
            "dispatch_submission", parent=traceparent, submission_id=queued.submission_id
        ):
            await self._start_unless_done(queued.submission_id)

    async def _start_unless_done(self, submission_id: str) -> None:
        entry = await self.index.get(submission_id)
        if entry is not None and entry.state is SubmissionState.DONE:
            return
        name = record_name(submission_id)
        submission = from_json(await self.blobs.get(name), Submission, where=name)
        request = _request(submission, self.patience)
        if not await self._start(submission.id, request) and await self._has_failed(submission.id):
            await self.engine.purge(submission.id)  # it was resubmitted by a person
            await self._start(submission.id, request)
        if submission.media:
            await self.index.put(_entry(submission, SubmissionState.DESCRIBING))

    async def _start(self, submission_id: str, request: steps.ProcessSubmission) -> bool:
        return await self.engine.start(
            steps.PROCESS_SUBMISSION, instance_id=submission_id, payload=to_payload(request)
        )

    async def _has_failed(self, submission_id: str) -> bool:
        instance = await self.engine.instance(submission_id)
        return instance is not None and instance.state is InstanceState.FAILED

    async def _give_back(self, message: QueuedMessage, exc: Exception) -> None:
        if isinstance(exc, _PASSING):
            await self._wait_out(message, exc)
        elif isinstance(exc, StorageCorruptError) or message.delivery_count >= self.deliveries:
            await self._put_aside(message, exc)
        else:
            await self._abandon(message, exc)

    async def _wait_out(self, message: QueuedMessage, exc: Exception) -> None:
        """Give the message back, or send a copy of it, whose deliveries are counted anew, before
        the queue puts it aside by itself.

        A copy is tried from half of the deliveries on: the others are for a queue that takes none
        just then, and for a process that dies before it completes the original. That one is then
        delivered again, and makes the copy that there is.
        """
        if 2 * message.delivery_count < self.deliveries or not await self._sent_anew(message):
            await self._abandon(message, exc)
            return
        await self.queue.complete(message)
        logger.warning(
            "submission not started for a while, its message was sent anew",
            extra={
                "action": "dispatch_sent_anew",
                "submission_id": submission_of(message.message_id),
                "reason": str(exc),
            },
        )

    async def _sent_anew(self, message: QueuedMessage) -> bool:
        try:
            await self.queue.send(
                copied_message_id(message.message_id),
                message.body,
                application_properties=message.application_properties,
            )
        except _PASSING:
            return False  # the queue is down, too: the next delivery tries again
        return True

    async def _abandon(self, message: QueuedMessage, exc: Exception) -> None:
        logger.warning(
            "submission not started, will try again",
            extra={
                "action": "dispatch_abandoned",
                "submission_id": submission_of(message.message_id),
                "error": _told(exc),
            },
        )
        await self.queue.abandon(message, delay_s=_pause_s(message))

    async def _put_aside(self, message: QueuedMessage, exc: Exception) -> None:
        submission_id, reason = submission_of(message.message_id), _told(exc)
        logger.error(
            "submission put aside",
            extra={
                "action": "submission_dead_lettered",
                "submission_id": submission_id,
                "reason": reason,
            },
        )
        await self.queue.dead_letter(
            message, reason=type(exc).__name__, description=f"It could not be started: {reason}"
        )
        self.telemetry.count("submissions_dead_lettered")
        await mark_dead_lettered(self.index, self.publisher, self.clock, submission_id, reason)


async def mark_dead_lettered(
    index: SubmissionIndex,
    publisher: EventPublisher,
    clock: Clock,
    submission_id: str,
    reason: str,
) -> None:
    """Make it visible that a submission was given up; its original and its media stay."""
    now = clock.now()
    known = await index.get(submission_id)
    await index.put(
        IndexEntry(
            submission_id=submission_id,
            source=known.source if known else submission_id.partition("-")[0],
            received_at=known.received_at if known else events.rfc3339(now),
            state=SubmissionState.DEAD_LETTERED,
            media=known.media if known else 0,
            categories=known.categories if known else None,
            reason=reason,
        )
    )
    await publisher.publish(events.dead_lettered(submission_id, reason, now))


def _told(exc: Exception) -> str:
    """What an error says; one that nobody foresaw may say what nobody is to read."""
    ours = isinstance(exc, IngestError | OSError)
    return str(exc) if ours else f"{type(exc).__name__}; see the log."


def _pause_s(message: QueuedMessage) -> float:
    """Before the next delivery. A copy is made in an outage, and does not begin with short ones."""
    if copies_before(message.message_id):
        return _LONGEST_PAUSE_S
    return min(2.0**message.delivery_count, _LONGEST_PAUSE_S)


def _request(submission: Submission, patience: steps.Patience) -> steps.ProcessSubmission:
    return steps.ProcessSubmission(
        submission_id=submission.id,
        patience=patience,
        traceparent=current_traceparent(),
        media=tuple(item.number for item in submission.media),
    )


def _entry(submission: Submission, state: SubmissionState) -> IndexEntry:
    return IndexEntry(
        submission_id=submission.id,
        source=submission.source,
        received_at=submission.received_at,
        state=state,
        media=len(submission.media),
    )
