"""Launches: one container each, with some of a submission's open jobs. All about one is in blobs.

A launch is claimed by creating its record, under a number that only one process can win. Its
container's name is derived from it, so it is created once however often that is tried. The record
goes when the launch is settled.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from describer.protocol import Report
from shared.codec import from_json, to_json
from shared.errors import BlobNotFoundError, StorageCorruptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.azure.jobs.ledger import OpenJob
    from describer.assignment import Item
    from shared.ports import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A container that was asked for. `started_at` is when, in seconds since 1970, or when it was
    claimed: whoever has claimed it is about to ask. After `limit_s` more it is given up.
    """

    name: str
    submission_id: str
    number: int
    job_ids: tuple[str, ...]
    contents: tuple[str, ...]  # the SHA-256 of each
    limit_s: float
    started_at: float


class LaunchBook:
    """The launches below one folder of the blob store. `owner` tells deployments apart."""

    def __init__(self, blobs: BlobStore, folder: str, owner: str) -> None:
        self._blobs = blobs
        self._folder = f"{folder}/launches/"
        self._owner = owner

    async def claim(
        self, jobs: Sequence[OpenJob], earlier: Iterable[Launch], limit_s: float, now: float
    ) -> Launch | None:
        """Claim the next launch of these jobs' submission; None when another process was faster.

        `earlier` are the launches that were seen before the jobs were: whoever saw the same wants
        the same number, and only one gets it.
        """
        submission_id = jobs[0].submission_id
        number = 1 + max(
            *(job.launch for job in jobs),
            *(launch.number for launch in earlier if launch.submission_id == submission_id),
            0,
        )
        launch = Launch(
            name=self._container_name(submission_id, number),
            submission_id=submission_id,
            number=number,
            job_ids=tuple(job.job.job_id for job in jobs),
            contents=tuple(job.job.sha256 for job in jobs),
            limit_s=limit_s,
            started_at=now,
        )
        first = await self._blobs.put_new(self._record(launch), to_json(launch))
        return launch if first else None

    async def all(self) -> Sequence[Launch]:
        """Every launch that is not settled, the oldest of each submission first."""
        found: list[Launch] = []
        async for name in self._blobs.list(self._folder):
            if name.endswith("/launch.json"):
                try:
                    found.append(from_json(await self._blobs.get(name), Launch, where=name))
                except BlobNotFoundError:
                    continue  # settled just now
        return found

    async def start(self, launch: Launch, items: Sequence[Item], now: float) -> str:
        """Write down that its container is asked for now, and for what; where it can read that."""
        name = f"{self._prefix(launch)}jobs.json"
        await self._blobs.put(name, to_json(items), content_type="application/json")
        await self._blobs.put(self._record(launch), to_json(replace(launch, started_at=now)))
        return await self._blobs.read_url(name)

    async def reports(self, launch: Launch) -> dict[str, Report]:
        """What its container has reported, by job ID; what cannot be read is no report."""
        found: dict[str, Report] = {}
        async for name in self._blobs.list(f"{self._prefix(launch)}reports/"):
            with suppress(StorageCorruptError, BlobNotFoundError):
                report = from_json(await self._blobs.get(name), Report, where=name)
                found[report.job_id] = report
        return found

    async def drop(self, launch: Launch) -> None:
        """The launch is settled."""
        await self._blobs.delete_prefix(self._prefix(launch))

    def report_name(self, launch: Launch, job_id: str) -> str:
        """The blob that the container is to report a job in."""
        return f"{self._prefix(launch)}reports/{job_id.rpartition(':')[2]}.json"

    def _container_name(self, submission_id: str, number: int) -> str:
        """Azure takes lower-case letters, digits and hyphens, 63 at the most."""
        key = f"{self._owner}|{submission_id}".encode()
        return f"describe-{hashlib.sha256(key).hexdigest()[:32]}-{number}"

    def _record(self, launch: Launch) -> str:
        return f"{self._prefix(launch)}launch.json"

    def _prefix(self, launch: Launch) -> str:
        return f"{self._folder}{launch.submission_id}/{launch.number}/"
