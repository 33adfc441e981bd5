"""Outcomes: how one is put together, and how it is kept and revised without losing anybody's
change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.codec import from_json, to_json
from shared.errors import BlobNotFoundError
from shared.ids import blob_prefix
from shared.intake import outcome_name
from shared.model import MediaStatus, Outcome, OutcomeStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.model import MediaOutcome
    from shared.ports import BlobStore


def status_of(media: Iterable[MediaOutcome]) -> OutcomeStatus:
    """The status of a submission from those of its media items."""
    statuses = {item.status for item in media}
    if not statuses:
        return OutcomeStatus.NO_MEDIA
    if statuses == {MediaStatus.DESCRIBED}:
        return OutcomeStatus.COMPLETED
    return OutcomeStatus.PARTLY if MediaStatus.DESCRIBED in statuses else _without(statuses)


def escalated_numbers(outcome: Outcome) -> tuple[int, ...]:
    """The numbers of the media items that wait for the desk."""
    return tuple(item.number for item in outcome.media if item.status is MediaStatus.ESCALATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Keeps outcomes in blobs. Each revision is a blob that only one writer can create."""

    blobs: BlobStore

    async def get(self, submission_id: str) -> Outcome | None:
        """The newest outcome, or None while there is none."""
        outcome = await self._load(outcome_name(submission_id))
        while outcome is not None:
            # A writer may have died between its revision and outcome.json.
            newer = await self._load(revision_name(submission_id, outcome.revision + 1))
            if newer is None:
                break
            outcome = newer
        return outcome

    async def put(self, outcome: Outcome) -> None:
        """Write the outcome of a submission that is not answered yet; nobody revises it before."""
        name = outcome_name(outcome.submission_id)
        await self.blobs.put(name, to_json(outcome), content_type="application/json")

    async def revise(
        self, submission_id: str, change: Callable[[Outcome], Outcome]
    ) -> Outcome | None:
        """Change the newest outcome; gives the new revision, or None when there is nothing to
        change.

        `change` gives its argument back when it has nothing to do. It is called again when another
        writer was faster.
        """
        while (current := await self.get(submission_id)) is not None:
            changed = change(current)
            if changed == current:
                return None
            changed = replace(
                changed, revision=current.revision + 1, status=status_of(changed.media)
            )
            name = revision_name(submission_id, changed.revision)
            if await self.blobs.put_new(name, to_json(changed), content_type="application/json"):
                await self.put(changed)
                return changed
        return None

    async def _load(self, name: str) -> Outcome | None:
        try:
            return from_json(await self.blobs.get(name), Outcome, where=name)
        except BlobNotFoundError:
            return None


def _without(statuses: set[MediaStatus]) -> OutcomeStatus:
    """The status when no item is described."""
    return OutcomeStatus.ESCALATED if MediaStatus.ESCALATED in statuses else OutcomeStatus.PARTLY


def revision_name(submission_id: str, revision: int) -> str:
    """The blob that holds a later revision of an outcome."""
    return f"{blob_prefix(submission_id)}revisions/{revision}.json"
