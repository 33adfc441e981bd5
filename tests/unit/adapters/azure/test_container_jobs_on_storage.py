"""A container job over Blob Storage: it gets nothing but signed URLs, and needs nothing else."""

from __future__ import annotations

import hashlib
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from adapters.azure.jobs.container_jobs import FOLDER, ContainerJobs
from adapters.azure.jobs.program import Program
from adapters.azure.jobs.rules import ContainerRules
from describer.rules import JobRules
from shared.codec import from_json, from_payload
from shared.description import Description
from shared.events import MediaDescribed
from shared.intake import thumbnail_name
from shared.model import Kind
from shared.ports import DescriptionJob
from tests.fakes.arm import fake_arm
from tests.support.arm_clients import IMAGE, instances_on
from tests.support.azure_services import azure_blob_store
from tests.support.clocks import ManualClock
from tests.support.container_describer import COMMAND
from tests.support.job_desk import PROVIDER, container_rules

if TYPE_CHECKING:
    from shared.model import CloudEvent
    from tests.support.azurite import Azurite

ONE_SECOND = timedelta(seconds=1)  # URLs name whole seconds


async def test_a_container_reads_and_writes_by_signed_urls_alone(azurite: Azurite) -> None:
    published, clock = list["CloudEvent"](), ManualClock()

    class Publisher:
        async def publish(self, event: CloudEvent) -> None:
            published.append(event)

    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(azure_blob_store(azurite.settings()))
        arm = await stack.enter_async_context(fake_arm({IMAGE: COMMAND}))
        platform = await stack.enter_async_context(instances_on(arm, Program(image=IMAGE)))
        rules = container_rules(JobRules())
        jobs = ContainerJobs(platform, blobs, Publisher(), clock, rules, PROVIDER)
        sha256 = hashlib.sha256(b"film").hexdigest()
        await blobs.put("submissions/mail-a/media/1/Ærø film.mp4", b"film")
        await jobs.start(
            DescriptionJob(
                job_id="mail-a:1",
                kind=Kind.VIDEO,
                blob="submissions/mail-a/media/1/Ærø film.mp4",
                file_name="Ærø film.mp4",
                media_type="video/mp4",
                size=4,
                sha256=sha256,
            )
        )
        clock.advance(seconds=1)
        await jobs.tick()
        (group,) = arm.groups.created
        await group.container.process.wait()
        await jobs.tick()

        (event,) = published
        ended = from_payload(event.data, MediaDescribed)
        assert ended.status == "described", ended.reason
        stored = await blobs.get(ended.description_blob)
        assert from_json(stored, Description, where="here").provider == "fake"
        assert await blobs.get(thumbnail_name(sha256)) == b"a thumbnail"
        assert [n async for n in blobs.list(FOLDER) if "/creates/" not in n] == []
        assert parse_qs(urlsplit(group.environment["JOBS_URL"]).query)["sp"] == ["r"]


async def test_what_a_container_is_given_is_good_for_as_long_as_it_may_run(
    azurite: Azurite,
) -> None:
    before = datetime.now(UTC)
    async with azure_blob_store(azurite.settings()) as blobs:
        urls = await blobs.long_read_url("a.mp4"), await blobs.write_url("a.json")
    for url in urls:
        (ends,) = parse_qs(urlsplit(url).query)["se"]
        assert datetime.fromisoformat(ends) - before >= ContainerRules().longest - ONE_SECOND
