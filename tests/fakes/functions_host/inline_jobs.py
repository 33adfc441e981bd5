"""Description jobs that end at once, as photos do on Functions; every photo shows a cat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.codec import to_json
from shared.description import Description, Label, Model
from shared.events import MediaDescribed, media_described
from shared.intake import description_name
from shared.model import MediaStatus

if TYPE_CHECKING:
    from shared.ports import BlobStore, Clock, DescriptionJob, EventPublisher

PROVIDER = ("fake", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineJobs:
    """Describes within `start`."""

    blobs: BlobStore
    publisher: EventPublisher
    clock: Clock

    async def start(self, job: DescriptionJob) -> None:
        description = Description(
            kind=job.kind,
            provider=PROVIDER[0],
            model=Model(id="fake", version=PROVIDER[1]),
            labels=(Label(name="cat", confidence=0.9),),
        )
        name = description_name(job.sha256, *PROVIDER)
        await self.blobs.put(name, to_json(description))
        ended = MediaDescribed(
            job_id=job.job_id, status=MediaStatus.DESCRIBED, description_blob=name
        )
        now = self.clock.now()
        await self.publisher.publish(media_described(ended, now, taken_at=now.timestamp()))

    async def tick(self) -> None:
        """Nothing is ever open."""

    async def cancel(self, job_id: str) -> None:
        del job_id
