"""Where descriptions run on Azure: beside the activity, in container instances, or in a Container
Apps job.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.azure.container_apps import AppJob, ContainerApps, apps_client
from adapters.azure.container_instances import (
    ContainerInstances,
    InstancePlace,
    instances_client,
)
from adapters.azure.description_jobs import PlacedJobs
from adapters.azure.inline_jobs import InlineJobs
from adapters.azure.jobs.container_jobs import ContainerJobs
from adapters.azure.jobs.limiter import CreateLimits
from adapters.azure.jobs.program import Program
from adapters.azure.jobs.rules import ContainerRules
from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials_async import AsyncTokenCredential

    from adapters.azure.jobs.platform import ContainerPlatform
    from adapters.azure.jobs.start import JobBlobs
    from describer.rules import JobRules
    from host.describers import Describers
    from shared.ports import Clock, EventPublisher, Telemetry
    from shared.settings.azure_jobs import JobSettings


def description_jobs(
    settings: JobSettings,
    describers: Describers,
    blobs: JobBlobs,
    publisher: EventPublisher,
    clock: Clock,
    credential: Callable[[], AsyncTokenCredential],
    telemetry: Telemetry,
) -> InlineJobs | PlacedJobs:
    """The jobs that the settings place. Raises SettingsError."""
    inline = InlineJobs(
        blobs, publisher, clock, describers.rules, describers.provider, telemetry=telemetry
    )
    if settings.placement == "inline":
        return inline
    containers = ContainerJobs(
        _platform(settings, describers.rules, credential()),
        blobs,
        publisher,
        clock,
        _rules(settings, describers.rules),
        describers.provider,
        telemetry=telemetry,
    )
    return PlacedJobs(
        inline=inline, containers=containers, inline_max_bytes=settings.inline_max_bytes
    )


def _platform(
    settings: JobSettings, rules: JobRules, credential: AsyncTokenCredential
) -> ContainerPlatform:
    program = _program(settings, rules)
    match settings.placement:
        case "container_instances":
            return ContainerInstances(
                instances_client(credential, settings.subscription, settings.arm_url),
                InstancePlace(
                    resource_group=settings.resource_group,
                    location=settings.location,
                    owner=settings.owner,
                    identity=settings.identity,
                    subnet=settings.subnet,
                ),
                program,
            )
        case "container_apps":
            return ContainerApps(
                apps_client(credential, settings.subscription, settings.arm_url),
                AppJob(
                    resource_group=settings.resource_group,
                    name=settings.app_job,
                    owner=settings.owner,
                ),
                program,
            )
        case other:
            raise SettingsError(
                "MAIL_INGEST_JOBS",
                f"{other!r} is not one of inline, container_instances and container_apps.",
            )


def _program(settings: JobSettings, rules: JobRules) -> Program:
    """The image, with what a describer may see of our environment."""
    visible = {name: text for name, text in rules.environment.items() if name.startswith("MAIL_")}
    secrets = {name: text for name, text in visible.items() if name.endswith("_KEY")}
    if settings.event_url:
        visible["EVENT_URL"], secrets["EVENT_KEY"] = settings.event_url, settings.event_key
    return Program(
        image=settings.image,
        cpu=settings.cpu,
        memory_gb=settings.memory_gb,
        environment={name: text for name, text in visible.items() if name not in secrets},
        secrets={name: text for name, text in secrets.items() if text},
    )


def _rules(settings: JobSettings, rules: JobRules) -> ContainerRules:
    return ContainerRules(
        owner=settings.owner,
        max_containers=settings.max_containers,
        max_items=settings.max_items,
        limits=CreateLimits(
            per_hour=settings.creates_per_hour, per_5_min=settings.creates_per_5_min
        ),
        photo_time=rules.photo_time,
        video_time=rules.video_time,
        look_every=timedelta(seconds=settings.look_s),
    )
