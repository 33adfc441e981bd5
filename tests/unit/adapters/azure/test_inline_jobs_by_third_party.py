"""The whole way of a photo to a service of somebody else, in every weather, and back to good."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.azure.inline_jobs import InlineJobs
from adapters.local.blob_store import LocalBlobStore
from describer.providers.identity import identify
from describer.rules import WORKER
from describer.settings import Settings
from shared.codec import from_json, from_payload
from shared.description import Description
from shared.events import MediaDescribed
from shared.model import Kind
from shared.ports import DescriptionJob
from tests.fakes.third_party import Weather, fake_third_party
from tests.support.clocks import ManualClock
from tests.support.job_desk import PROJECT, RULES

if TYPE_CHECKING:
    from shared.model import CloudEvent

PHOTO = Path(__file__).parents[3] / "fixtures" / "media" / "cat.jpg"


class Publisher:
    def __init__(self) -> None:
        self.events: list[CloudEvent] = []

    async def publish(self, event: CloudEvent) -> None:
        self.events.append(event)


@pytest.mark.parametrize("weather", [weather for weather in Weather if weather is not Weather.WELL])
async def test_a_photo_waits_for_good_weather(weather: Weather, tmp_path: Path) -> None:
    clock, publisher = ManualClock(), Publisher()
    async with fake_third_party() as service:
        environment = {
            **service.environment(),
            "MAIL_INGEST_THIRD_PARTY_TIMEOUT_S": "0.5",
            "MAIL_INGEST_THIRD_PARTY_DEADLINE_S": "2",
            "PYTHONPATH": str(PROJECT),
        }
        identity = identify(Settings.from_env(environment))
        rules = replace(RULES, command=WORKER, environment=environment)
        rules = replace(rules, photo_time=RULES.video_time)
        with closing(LocalBlobStore(tmp_path)) as blobs:
            provider = (identity.name, identity.version)
            jobs = InlineJobs(blobs, publisher, clock, rules, provider)
            try:
                service.weather, service.late_s = weather, 1.0
                await jobs.start(await stored(blobs))
                assert publisher.events == []
                assert service.requests >= 1
                service.weather = Weather.WELL
                clock.advance(hours=1)
                await jobs.tick()
            finally:
                await jobs.close()
            (event,) = publisher.events
            ended = from_payload(event.data, MediaDescribed)
            assert ended.status == "described", ended.reason
            text = await blobs.get(ended.description_blob)
            assert from_json(text, Description, where="here").model.id == "fake-vision"


async def stored(blobs: LocalBlobStore) -> DescriptionJob:
    content = await asyncio.to_thread(PHOTO.read_bytes)
    await blobs.put("media/cat.jpg", content)
    return DescriptionJob(
        job_id="mail-a:1",
        kind=Kind.PHOTO,
        blob="media/cat.jpg",
        file_name="cat.jpg",
        media_type="image/jpeg",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
