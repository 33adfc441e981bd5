"""The container programs over local stores, with an Event Grid that is played."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from adapters.local.event_pump import EventPump
from host.azure import AzureParts
from host.programs import intake, worker
from host.services import Services, Stores
from shared import events
from shared.codec import to_json
from shared.description import Description, Label, Model
from shared.events import DESCRIBED, MediaDescribed
from shared.intake import description_name
from shared.settings import Settings
from shared.settings.azure import AzureSettings
from shared.tracing import NO_TELEMETRY, current_traceparent
from tests.support.core import PROVIDER, WrittenDownReplies
from tests.support.local_services import LocalServices, local_services

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from host.programs import Container
    from shared.model import CloudEvent
    from shared.ports import DescriptionJob, Telemetry

DELIVERY_KEY = "a delivery key"


@dataclass(slots=True)
class DescribesAtOnce:
    """Files a description of whatever it is given, and tells."""

    services: LocalServices
    traces: list[str] = field(default_factory=list[str])
    ticks: int = 0

    async def start(self, job: DescriptionJob) -> None:
        name = description_name(job.sha256, *PROVIDER)
        description = Description(
            kind=job.kind,
            provider=PROVIDER[0],
            model=Model(id="test", version="1"),
            labels=(Label(name="cat", confidence=0.9),),
        )
        self.traces.append(current_traceparent())
        await self.services.blobs.put(name, to_json(description))
        ended = MediaDescribed(job_id=job.job_id, status="described", description_blob=name)
        now = self.services.clock.now()
        event = events.media_described(ended, now, taken_at=now.timestamp())
        await self.services.publisher.publish(event)

    async def cancel(self, job_id: str) -> None:
        del job_id

    async def tick(self) -> None:
        self.ticks += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Both programs, running."""

    services: LocalServices
    jobs: DescribesAtOnce
    replies: WrittenDownReplies
    intake: Container
    worker: Container


def settings_of(hub: str, **more: str) -> tuple[Settings, AzureSettings]:
    """What the programs are told."""
    environment = {
        "MAIL_INGEST_HTTP_PORT": "0",
        "MAIL_INGEST_SCHEDULER_ENDPOINT": hub,
        "MAIL_INGEST_EVENT_GRID_DELIVERY_KEY": DELIVERY_KEY,
        "MAIL_INGEST_DRAIN_NOTICE_S": "0",
        **more,
    }
    return Settings.read(environment), AzureSettings.read(environment)


def parts_of(
    services: LocalServices,
    jobs: DescribesAtOnce,
    replies: WrittenDownReplies,
    telemetry: Telemetry,
) -> AzureParts:
    """The ports of the programs: local stores in place of Azure's."""
    stores = Stores(
        clock=services.clock,
        blobs=services.blobs,
        queue=services.queue,
        index=services.index,
        publisher=services.publisher,
        replies=replies,
        telemetry=telemetry,
        turns=services.intake.turns,
    )
    return AzureParts(services=Services(stores=stores, jobs=jobs, provider=PROVIDER), jobs=jobs)


@asynccontextmanager
async def cluster(
    folder: Path, hub: str, telemetry: Telemetry = NO_TELEMETRY
) -> AsyncGenerator[Cluster]:
    """The programs in this process, and Event Grid between them."""
    settings, azure = settings_of(hub)
    with local_services(folder) as services:
        jobs, replies = DescribesAtOnce(services), WrittenDownReplies()
        parts = parts_of(services, jobs, replies, telemetry)
        async with (
            intake(settings, azure, parts) as door,
            worker(settings, azure, parts) as hub_worker,
        ):
            door.background.run(_event_grid(services, door.url), name="event-grid")
            yield Cluster(
                services=services, jobs=jobs, replies=replies, intake=door, worker=hub_worker
            )


async def _event_grid(services: LocalServices, url: str) -> None:
    """Deliver what is published, again until it is taken."""
    async with httpx.AsyncClient(trust_env=False) as client:

        async def deliver(event: CloudEvent) -> bool:
            answer = await client.post(
                f"{url}/v1/events",
                content=to_json(event),
                headers={
                    "content-type": "application/cloudevents+json",
                    "x-delivery-key": DELIVERY_KEY,
                },
            )
            return answer.is_success

        pump = EventPump(services.database, services.clock)
        pump.subscribe(DESCRIBED, deliver)
        await pump.run()
