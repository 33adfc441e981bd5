"""The ports: what the core asks of a platform. Plain nouns; every adapter is technology + port.

All are async, all may be called again after a crash with the same values, and none raises for an
ordinary "no". A fault that a retry may cure is `ServiceUnavailableError`, a full disk
`StorageFullError`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from shared.model import (
    CloudEvent,
    JsonObject,
    Kind,
    Outcome,
    Submission,
)


class Clock(Protocol):
    """The time of day."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


class BlobWriter(Protocol):
    """A blob that is being written."""

    async def write(self, data: bytes | memoryview) -> None:
        """Append bytes. Raises StorageFullError."""
        ...


class BlobStore(Protocol):
    """Keeps bytes under names with slashes. A blob is visible only when complete, and durable once
    visible.
    """

    def create(
        self, name: str, *, content_type: str = "application/octet-stream"
    ) -> AbstractAsyncContextManager[BlobWriter]:
        """Write a blob as a stream. It appears, replacing an older one, when the block ends well;
        after an exception nothing of it is visible."""
        ...

    async def put(
        self, name: str, content: bytes, *, content_type: str = "application/octet-stream"
    ) -> None:
        """Write a small blob whole, replacing an older one."""
        ...

    async def put_new(
        self, name: str, content: bytes, *, content_type: str = "application/octet-stream"
    ) -> bool:
        """Write a small blob only if none has this name; False, and nothing is changed, when one
        has.
        """
        ...

    async def get(self, name: str) -> bytes:
        """A small blob's bytes. Raises BlobNotFoundError."""
        ...

    def read(
        self, name: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """A blob's bytes, or a range, in chunks of at most 1 MiB. Raises BlobNotFoundError."""
        ...

    async def exists(self, name: str) -> bool:
        """Whether a complete blob has this name."""
        ...

    def list(self, prefix: str) -> AsyncIterator[str]:
        """The names of the complete blobs that start with `prefix`, in order."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Delete the blobs whose names start with `prefix`; how many there were."""
        ...

    async def read_url(self, name: str) -> str:
        """A URL by which another process may read the blob for an hour: ``file://`` or a signed
        ``https://``.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadUrl:
    """Where a client puts a file by itself: a request of this method, with these header fields,
    until `expires_at` (RFC 3339).
    """

    url: str
    method: str
    headers: Mapping[str, str]
    expires_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that a client has put into a blob, as of `version`."""

    blob: str
    size: int
    version: str


class DirectUploads(Protocol):
    """Lets clients put files into the blob store past us. Not every platform has it."""

    async def url(self, name: str) -> UploadUrl:
        """The right to write this one blob, and nothing else, for a few hours."""
        ...

    async def find(self, name: str) -> Upload | None:
        """What was put into this blob; None while it is not complete."""
        ...

    def read(self, upload: Upload, *, length: int | None = None) -> AsyncIterator[bytes]:
        """Its bytes, or the first `length`, in chunks of at most 1 MiB. Raises BlobNotFoundError
        when it is gone or was written to since.
        """
        ...

    async def keep(self, upload: Upload, name: str, *, content_type: str) -> None:
        """Copy it within the store to the blob `name`; replaces an older one. Raises
        BlobNotFoundError when it is gone or was written to since.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeAttempt:
    """An attempt to take a submission in. Two attempts that may be under way at the same time have
    two numbers, from 1. `version` is the journal's own.
    """

    submission_id: str
    number: int
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """A submission whose last attempt, begun at `begun_at`, has left something to be done."""

    submission_id: str
    begun_at: float


class IntakeJournal(Protocol):
    """What is being taken in, and what an end in the middle has left; all of it is small. Times are
    seconds since 1970.
    """

    async def begin(self, submission_id: str, *, now: float, until: float) -> IntakeAttempt | None:
        """Note an attempt before it writes anything; durable on return. None: another process has
        one that has not run out. Where processes cannot die unnoticed, both may go on: their
        numbers keep them apart.
        """
        ...

    async def renew(self, attempt: IntakeAttempt, *, until: float) -> IntakeAttempt | None:
        """The attempt goes on; None when it has run out, and somebody else has begun."""
        ...

    async def end(self, attempt: IntakeAttempt, *, settled: bool) -> None:
        """The attempt is over; `settled`: it has left nothing to be done. Harmless when somebody
        else has begun meanwhile.
        """
        ...

    async def cut_off(self, *, now: float) -> Sequence[CutOff]:
        """All submissions whose last attempt is over, or has run out, and is not settled."""
        ...

    async def is_complete(self) -> bool:
        """Whether all that was ever cut off is in here."""
        ...

    async def set_complete(self) -> None:
        """What was cut off before there was a journal is done with, or in here."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage:
    """A message under lock: it is ours until it is completed, abandoned, dead-lettered, or the lock
    ends.
    """

    message_id: str
    body: bytes
    delivery_count: int  # from 1
    lock_token: str
    application_properties: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was given up: where to look, and why."""

    message_id: str
    body: bytes
    reason: str  # a word
    description: str  # a sentence
    enqueued_at: str
    dead_lettered_at: str


class WorkQueue(Protocol):
    """A queue with peek-lock (Service Bus). The same message_id is taken once (duplicate
    detection).
    """

    async def send(
        self,
        message_id: str,
        body: bytes,
        *,
        application_properties: Mapping[str, str] | None = None,
    ) -> None:
        """Enqueue; durable on return. A message_id that was sent before is ignored."""
        ...

    async def receive(self, *, max_messages: int, max_wait_s: float) -> Sequence[QueuedMessage]:
        """Lock up to `max_messages`; waits at most `max_wait_s` for the first one."""
        ...

    async def complete(self, message: QueuedMessage) -> None:
        """The message is done. Harmless when its lock has ended."""
        ...

    async def abandon(self, message: QueuedMessage, *, delay_s: float = 0.0) -> None:
        """Give the message back, to be delivered again after `delay_s`."""
        ...

    async def dead_letter(self, message: QueuedMessage, *, reason: str, description: str) -> None:
        """Put the message aside, visibly."""
        ...

    async def dead_letters(self, *, limit: int = 100) -> Sequence[DeadLetter]:
        """What was put aside, newest first."""
        ...

    async def resubmit(self, message_id: str) -> bool:
        """Put a dead letter back into the queue; False when there is none of that ID. What follows
        a ``#`` in an ID does not count: that marks a message which was sent anew.
        """
        ...

    async def depth(self) -> int:
        """How many messages wait or are locked."""
        ...


class EventPublisher(Protocol):
    """Tells the world. At least once: receivers dedupe on (source, id)."""

    async def publish(self, event: CloudEvent) -> None:
        """Publish; durable on return. The same (source, id) again is harmless."""
        ...


class InstanceState(StrEnum):
    """The state of an orchestration instance."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TERMINATED = "terminated"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An orchestration instance as the engine sees it; `failure` is a sentence when it failed."""

    instance_id: str
    state: InstanceState
    output: Any = None
    failure: str = ""


class Engine(Protocol):
    """Durable Functions, or what plays it."""

    async def start(self, orchestrator: str, *, instance_id: str, payload: JsonObject) -> bool:
        """Start an instance; committed on return. False when the instance ID exists: that is
        success too.
        """
        ...

    async def raise_event(self, instance_id: str, *, name: str, payload: JsonObject) -> bool:
        """Raise an external event. False when there is no such instance yet: redeliver later."""
        ...

    async def instance(self, instance_id: str) -> Instance | None:
        """The instance, or None."""
        ...

    async def purge(self, instance_id: str) -> None:
        """Forget a finished instance and its sub-orchestrations."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionJob:
    """What to describe. The job's ID is the instance ID that waits for it (``<submission
    id>:<number>``).
    """

    job_id: str
    kind: Kind
    blob: str
    file_name: str
    media_type: str
    size: int
    sha256: str
    traceparent: str = ""  # of the step that started it (W3C); empty: nothing is traced
    fairness_key: str = ""  # whose share of the describers it takes, as a hash


class DescriptionJobs(Protocol):
    """Runs descriptions elsewhere: inline, in a child process, in a container. The outcome comes as
    the event ``media.described`` (shared.events.MediaDescribed).
    """

    async def start(self, job: DescriptionJob) -> None:
        """Take a job; durable on return, so a job that was taken ends in an event, even after
        crashes. The same job_id again, while it is open, is harmless.
        """
        ...

    async def cancel(self, job_id: str) -> None:
        """Nobody waits any longer for this job; it may still finish (a late description)."""
        ...


class ReplyState(StrEnum):
    """How an attempt to answer ended."""

    SENT = "sent"
    REFUSED = "refused"  # for good: a retry cannot cure it
    UNAVAILABLE = "unavailable"  # try again later


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a submission. `reply_id` is stable: it becomes webhook-id and Message-ID."""

    reply_id: str
    submission: Submission
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyReceipt:
    """The result of one attempt. `at` is RFC 3339; `reason` is a sentence when it was not sent."""

    state: ReplyState
    at: str = ""
    reason: str = ""
    retry_after_s: float | None = None


class ReplyChannel(Protocol):
    """Sends answers, by mail or by webhook, as `answer.submission.answer_to` says. A reply_id that
    was sent is not sent again: the first receipt comes back.
    """

    async def send(self, answer: Answer) -> ReplyReceipt:
        """Try once. Never raises for a refusal or an unreachable target: that is the receipt's
        state.
        """
        ...

    async def notify_desk(self, notice_id: str, subject: str, text: str) -> None:
        """Tell the desk, once per notice_id, where an address is set; else nothing."""
        ...


class SubmissionState(StrEnum):
    """Where a submission is on its way."""

    ACCEPTED = "accepted"
    DESCRIBING = "describing"
    ANSWERING = "answering"
    DONE = "done"
    DEAD_LETTERED = "dead_lettered"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """A line of the index: enough for lists; the truth is in the blobs."""

    submission_id: str
    source: str
    received_at: str
    state: SubmissionState
    outcome: str = ""  # an OutcomeStatus once there is one
    media: int = 0
    escalated: tuple[int, ...] = ()  # media numbers that wait for the desk
    categories: tuple[str, ...] | None = None  # codes of its outcome; None: nobody has said
    reason: str = ""  # a sentence: why it was given up, or was not answered
    updated_at: str = ""


class SubmissionIndex(Protocol):
    """Finds submissions (Table Storage), and counts answers."""

    async def put(self, entry: IndexEntry) -> None:
        """Write an entry. A state never goes back: an entry of an earlier state leaves a later one
        as it is. Of a long reason the beginning is kept (`shared.indexing.kept`).
        """
        ...

    async def get(self, submission_id: str) -> IndexEntry | None:
        """The entry, or None."""
        ...

    async def reopen(self, submission_id: str) -> bool:
        """Take a dead-lettered entry back to accepted; False when it is none."""
        ...

    async def list(
        self,
        *,
        state: SubmissionState | None = None,
        category: str | None = None,
        escalated_only: bool = False,
        after: IndexEntry | None = None,
        limit: int = 100,
    ) -> Sequence[IndexEntry]:
        """A page of entries, newest first: those that every filter lets through. `category` is a
        code. `after` is the last entry of the page before; it need not be there any longer.
        """
        ...

    async def take_answer(self, *, reply_id: str, recipient: str, day: str, limit: int) -> bool:
        """Count an answer to `recipient` (kept as a hash) on `day` (YYYY-MM-DD); False when the
        day's `limit` is used up. Taking the same reply_id again gives the first verdict.
        """
        ...


class Span(Protocol):
    """A step that is being timed."""

    def set(self, **attributes: str | int) -> None:
        """Add what was found out during the step."""
        ...


class Telemetry(Protocol):
    """Metrics and traces; log lines go through the standard logging module. Names are in
    shared.telemetry. Nothing here blocks or raises.
    """

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None:
        """Add to a counter."""
        ...

    def record(self, metric: str, value: float, **dimensions: str) -> None:
        """Add a sample to a distribution (seconds, bytes)."""
        ...

    def gauge(self, metric: str, value: float, **dimensions: str) -> None:
        """Say how high a level is now."""
        ...

    def span(
        self, name: str, *, parent: str = "", **attributes: str | int
    ) -> AbstractContextManager[Span]:
        """Time the block as a step of a trace; in it `shared.tracing` knows the trace.

        `parent` is a W3C traceparent that came with the data; without one that is valid, the step
        belongs to the current span, or begins a trace. An exception marks the step as failed.
        """
        ...
