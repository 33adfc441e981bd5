"""From outcomes to the index: what lists say of a submission. The truth stays in the blobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.outcomes import escalated_numbers

if TYPE_CHECKING:
    from shared.model import Outcome
    from shared.outcomes import Outcomes
    from shared.ports import IndexEntry, SubmissionIndex

_MOST_REASON = 4_000  # characters; Table Storage takes 32,768, and a failure may quote at length


def kept(reason: str) -> str:
    """As much of a reason as the index keeps, whatever it is kept in."""
    return reason if len(reason) <= _MOST_REASON else f"{reason[: _MOST_REASON - 1]}…"


def with_outcome(entry: IndexEntry, outcome: Outcome) -> IndexEntry:
    """The entry of a submission that has this outcome."""
    return replace(
        entry,
        outcome=outcome.status.value,
        escalated=escalated_numbers(outcome),
        categories=tuple(category.code for category in outcome.categories),
        updated_at="",
    )


async def refile(index: SubmissionIndex, outcomes: Outcomes, entry: IndexEntry) -> None:
    """Write what the newest outcome says into the entry of a submission that is done.

    Two who revise at once may write in the wrong order, so each looks again after its write, and
    the last of them leaves the newest. Harmless when repeated.
    """
    filed = None
    while (newest := await outcomes.get(entry.submission_id)) != filed and newest is not None:
        await index.put(with_outcome(entry, newest))
        filed = newest
