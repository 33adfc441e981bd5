"""The open jobs, a blob each: whatever dies, they are found again.

Blobs, because the port BlobStore has all that is needed (a conditional create, a list by prefix)
and every platform has it: no second service, and the same code runs in the tests of one machine.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.codec import from_json, to_json
from shared.errors import BlobNotFoundError, StorageCorruptError
from shared.fair_queue import LATE, LATE_WEIGHT, Waiting, estimated_s, sender_of
from shared.ids import split_media_instance_id
from shared.model import Kind
from shared.ports import DescriptionJob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.ports import BlobStore

logger = logging.getLogger(__name__)

_READ_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJob:
    """A job that has not ended. Times are seconds since 1970.

    `attempts` came to nothing. `launch` is the number of the last launch whose end is counted in.
    `wanted` is False when nobody waits for it any longer.
    """

    job: DescriptionJob
    created_at: float
    due_at: float
    attempts: int = 0
    launch: int = 0
    wanted: bool = True

    @property
    def submission_id(self) -> str:
        """Whose media it is."""
        return split_media_instance_id(self.job.job_id)[0]

    @property
    def urgency(self) -> tuple[bool, bool, float]:
        """What somebody waits for goes first, photos before videos, the older before the newer."""
        return (not self.wanted, self.job.kind is Kind.VIDEO, self.created_at)


def waiting_of(job: OpenJob, place: float) -> Waiting:
    """The job in a fair queue, at a place among its sender's. What nobody waits for shares one
    small part of the describers.
    """
    return Waiting(
        job_id=job.job.job_id,
        sender=sender_of(job.job) if job.wanted else LATE,
        cost_s=estimated_s(job.job),
        place=place,
        weight=1.0 if job.wanted else LATE_WEIGHT,
    )


class JobLedger:
    """The open jobs below one folder of the blob store."""

    def __init__(self, blobs: BlobStore, folder: str) -> None:
        self._blobs = blobs
        self._folder = f"{folder}/open/"

    async def add(self, job: OpenJob) -> OpenJob:
        """Note a job unless it is open already; the note that is there afterwards."""
        name = self._name(job.job.job_id)
        if await self._blobs.put_new(name, to_json(job), content_type="application/json"):
            return job
        return await self.get(job.job.job_id) or job

    async def put(self, job: OpenJob) -> None:
        """Write a job's note anew."""
        await self._blobs.put(
            self._name(job.job.job_id), to_json(job), content_type="application/json"
        )

    async def get(self, job_id: str) -> OpenJob | None:
        """The note, or None when the job has ended."""
        return await self._read(self._name(job_id))

    async def close(self, job_id: str) -> None:
        """The job has ended, and its event is published."""
        await self._blobs.delete_prefix(self._name(job_id))

    async def all(self) -> Sequence[OpenJob]:
        """Every open job, the most urgent first. A note that is damaged holds up no other."""
        names = [name async for name in self._blobs.list(self._folder)]
        found: list[OpenJob] = []
        for start in range(0, len(names), _READ_AT_ONCE):
            read = (self._read_or_leave(name) for name in names[start : start + _READ_AT_ONCE])
            found += [job for job in await asyncio.gather(*read) if job is not None]
        return sorted(found, key=lambda job: job.urgency)

    async def _read_or_leave(self, name: str) -> OpenJob | None:
        try:
            return await self._read(name)
        except StorageCorruptError as exc:
            facts = {"action": "record_damaged", "reason": str(exc)}
            logger.error("damaged note left alone", extra=facts)  # noqa: TRY400 - the sentence says it
            return None

    async def _read(self, name: str) -> OpenJob | None:
        try:
            return from_json(await self._blobs.get(name), OpenJob, where=name)
        except BlobNotFoundError:
            return None

    def _name(self, job_id: str) -> str:
        submission_id, number = split_media_instance_id(job_id)
        return f"{self._folder}{submission_id}/{number}.json"
