"""Whether all that was taken is still there, byte for byte: blobs against their records, records
against the index, instances of the engine against records. Changes nothing.

It reads every blob once, in chunks, and holds a page of the index at most: how long it takes grows
with what is stored, how much memory does not. What is written meanwhile is no damage: a record
comes after its blobs, and before its row of the index and its instance.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.codec import from_json
from shared.description import Description
from shared.errors import BlobNotFoundError, StorageCorruptError
from shared.intake import outcome_name, record_name
from shared.model import BlobRef, MediaStatus, Outcome, Submission
from shared.outcomes import Outcomes, revision_name
from shared.ports import SubmissionState

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from shared.model import MediaOutcome
    from shared.ports import BlobStore, SubmissionIndex

_PAGE = 1000
_SECOND_LOOK_S = 2.0  # after which the row of a record that was just written is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What is lost or changed of one submission, in a sentence."""

    submission_id: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """The checks, over the ports of a platform."""

    blobs: BlobStore
    index: SubmissionIndex

    async def of_records(self, on_checked: Callable[[], None]) -> AsyncGenerator[Damage]:
        """What is damaged of the submissions that have a record; `on_checked` after each."""
        without_row: list[str] = []
        async for submission_id in self._recorded():
            async for sentence in self._of_record(submission_id):
                yield Damage(submission_id=submission_id, sentence=sentence)
            if await self.index.get(submission_id) is None:
                without_row.append(submission_id)
            on_checked()
        if without_row:
            await asyncio.sleep(_SECOND_LOOK_S)
        for submission_id in without_row:
            if await self.index.get(submission_id) is None:
                yield Damage(
                    submission_id=submission_id, sentence="It has a record and no row in the index."
                )

    async def of_rows(self) -> AsyncGenerator[Damage]:
        """The rows of the index whose submission has no record."""
        after = None
        while page := await self.index.list(after=after, limit=_PAGE):
            for entry in page:
                if not await self.blobs.exists(record_name(entry.submission_id)):
                    sentence = (
                        f"Its record is lost (blob {record_name(entry.submission_id)}); the index"
                        f" has it as {entry.state.value}."
                    )
                    yield Damage(submission_id=entry.submission_id, sentence=sentence)
            after = page[-1]

    async def of_instances(self, instance_ids: AsyncIterator[str]) -> AsyncGenerator[Damage]:
        """The instances of the engine whose submission has no record."""
        async for instance_id in instance_ids:
            if not await self.blobs.exists(record_name(instance_id)):
                sentence = "The engine has an instance of it, and it has no record."
                yield Damage(submission_id=instance_id, sentence=sentence)

    async def _recorded(self) -> AsyncGenerator[str]:
        async for name in self.blobs.list("submissions/"):
            submission_id = name.split("/")[1]
            if name == record_name(submission_id):
                yield submission_id

    async def _of_record(self, submission_id: str) -> AsyncGenerator[str]:
        name = record_name(submission_id)
        try:
            submission = from_json(await self.blobs.get(name), Submission, where=name)
        except BlobNotFoundError:
            return  # removed since it was listed; a row that stays behind is found with the rows
        except StorageCorruptError:
            yield f"Its record cannot be read (blob {name})."
            return
        for what, ref in _blobs_of(submission):
            if problem := await self._problem(ref):
                yield f"{what} {problem} (blob {ref.blob})."
        async for sentence in self._of_outcome(submission_id):
            yield sentence

    async def _problem(self, ref: BlobRef) -> str:
        digest, size = hashlib.sha256(), 0
        try:
            async for chunk in self.blobs.read(ref.blob):
                digest.update(chunk)
                size += len(chunk)
        except BlobNotFoundError:
            return "is lost"
        except OSError as exc:
            return f"cannot be read: {exc.strerror or exc}"
        if size != ref.size:
            return f"has {size:,} bytes and not {ref.size:,}"
        return "" if digest.hexdigest() == ref.sha256 else "has other bytes than it was taken with"

    async def _of_outcome(self, submission_id: str) -> AsyncGenerator[str]:
        entry = await self.index.get(submission_id)
        try:
            outcome = await Outcomes(blobs=self.blobs).get(submission_id)
            for revision in range(1, outcome.revision + 1 if outcome else 1):
                name = revision_name(submission_id, revision)
                from_json(await self.blobs.get(name), Outcome, where=name)
        except StorageCorruptError as exc:
            yield f"Its outcome cannot be read (blob {exc.where})."
            return
        except BlobNotFoundError as exc:
            yield f"A revision of its outcome is lost (blob {exc.name})."
            return
        if outcome is None and entry is not None and entry.state is SubmissionState.DONE:
            yield f"Its outcome is lost (blob {outcome_name(submission_id)})."
        for item in outcome.media if outcome else ():
            if item.status is MediaStatus.DESCRIBED and item.description is not None:
                async for sentence in self._of_description(item):
                    yield sentence

    async def _of_description(self, item: MediaOutcome) -> AsyncGenerator[str]:
        """Descriptions are kept with no hash of theirs: one that reads as one is taken for good."""
        folder, found = f"descriptions/{item.sha256}/", False
        async for name in self.blobs.list(folder):
            if not name.endswith(".json"):
                continue
            found = True
            try:
                from_json(await self.blobs.get(name), Description, where=name)
            except StorageCorruptError:
                yield f"The description of item {item.number} cannot be read (blob {name})."
        if not found:
            yield f"The description of item {item.number} is lost (blobs {folder})."


def _blobs_of(submission: Submission) -> list[tuple[str, BlobRef]]:
    original = [("Its original", submission.original)] if submission.original else []
    media = [
        (f"Item {it.number}", BlobRef(blob=it.blob, size=it.size, sha256=it.sha256))
        for it in submission.media
    ]
    return [*original, *media]
