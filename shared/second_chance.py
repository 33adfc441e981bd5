"""What was given up, for people to see, and another chance for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.codec import to_json
from shared.events import rfc3339
from shared.ids import submission_of
from shared.model import SubmissionQueued
from shared.ports import IndexEntry, SubmissionState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.ports import Clock, DeadLetter, SubmissionIndex, WorkQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadEvent:
    """An event that no handler took; `time` is RFC 3339."""

    submission_id: str
    event_id: str
    time: str
    attempts: int


class DeadEvents(Protocol):
    """The events that were given up, where a platform leaves it to us to keep them."""

    async def list(self, *, limit: int = 100) -> Sequence[DeadEvent]:
        """Those that there are, newest first."""
        ...

    async def deliver_again(self, which: str) -> int:
        """Deliver an event once more, by its ID, or those of a submission, by its ID; how many."""
        ...


async def given_up(index: SubmissionIndex, queue: WorkQueue) -> Sequence[IndexEntry]:
    """The submissions that were put aside, newest first; also those that the queue put aside by
    itself, which the index knows nothing of.
    """
    entries = {it.submission_id: it for it in await index.list(state=SubmissionState.DEAD_LETTERED)}
    for letter in await queue.dead_letters():
        entry = _entry(letter)
        entries.setdefault(entry.submission_id, entry)
    return sorted(entries.values(), key=lambda entry: entry.received_at, reverse=True)


async def resubmit(
    index: SubmissionIndex, queue: WorkQueue, clock: Clock, submission_id: str
) -> bool:
    """Give a submission that was put aside another chance; False when it is none."""
    reopened = await index.reopen(submission_id)
    resubmitted = await queue.resubmit(submission_id)
    if reopened and not resubmitted:
        # Its message was completed and its orchestration failed: the queue needs a new message.
        message_id = f"{submission_id}#{rfc3339(clock.now())}"
        await queue.send(message_id, to_json(SubmissionQueued(submission_id=submission_id)))
    return reopened or resubmitted


def _entry(letter: DeadLetter) -> IndexEntry:
    submission_id = submission_of(letter.message_id)
    return IndexEntry(
        submission_id=submission_id,
        source=submission_id.partition("-")[0],
        received_at=letter.enqueued_at,
        state=SubmissionState.DEAD_LETTERED,
        reason=letter.description or letter.reason,
    )
