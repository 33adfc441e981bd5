"""Settings of the description jobs on Azure."""

from __future__ import annotations

from dataclasses import dataclass

from shared.config import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """Where descriptions run: beside the activity, or in containers."""

    placement: str = setting(
        "MAIL_INGEST_JOBS",
        "inline",
        unit="inline, container_instances or container_apps",
        example="container_apps",
        meaning="Where videos and large photos are described; small photos always inline.",
    )
    inline_max_bytes: int = setting(
        "MAIL_INGEST_JOBS_INLINE_MAX_BYTES",
        25_000_000,
        unit="bytes",
        example="10000000",
        meaning="The largest photo that is described inline where there are containers.",
    )
    subscription: str = setting(
        "AZURE_SUBSCRIPTION_ID",
        "",
        unit="GUID",
        example="00000000-0000-0000-0000-000000000000",
        meaning="The subscription of the containers.",
    )
    resource_group: str = setting(
        "MAIL_INGEST_JOBS_RESOURCE_GROUP",
        "",
        unit="name",
        example="newsroom-jobs",
        meaning="The resource group of the containers.",
    )
    location: str = setting(
        "MAIL_INGEST_JOBS_LOCATION",
        "",
        unit="region",
        example="westeurope",
        meaning="The region of container instances.",
    )
    app_job: str = setting(
        "MAIL_INGEST_JOBS_APP_JOB",
        "describer",
        unit="name",
        example="describer",
        meaning="The Container Apps job whose executions describe.",
    )
    image: str = setting(
        "MAIL_INGEST_JOBS_IMAGE",
        "",
        unit="image with digest",
        example="newsroom.azurecr.io/describer@sha256:...",
        meaning="The describer's image (describer/Dockerfile).",
    )
    identity: str = setting(
        "MAIL_INGEST_JOBS_IDENTITY",
        "",
        unit="resource ID",
        example="/subscriptions/.../userAssignedIdentities/describer",
        meaning="Who pulls the image of container instances; empty: it needs no login.",
    )
    subnet: str = setting(
        "MAIL_INGEST_JOBS_SUBNET",
        "",
        unit="resource ID",
        example="/subscriptions/.../subnets/jobs",
        meaning="The subnet of container instances; empty: none.",
    )
    cpu: float = setting(
        "MAIL_INGEST_JOBS_CPU",
        2.0,
        unit="cores",
        example="4",
        meaning="Of one container.",
        least=0.1,
    )
    memory_gb: float = setting(
        "MAIL_INGEST_JOBS_MEMORY_GB",
        4.0,
        unit="GB",
        example="8",
        meaning="Of one container.",
        least=0.1,
    )
    owner: str = setting(
        "MAIL_INGEST_JOBS_OWNER",
        "mail-ingest",
        unit="name",
        example="staging",
        meaning="Whose containers they are, where deployments share a resource group.",
    )
    max_containers: int = setting(
        "MAIL_INGEST_JOBS_MAX_CONTAINERS",
        20,
        unit="count",
        example="50",
        meaning="The most containers at a time; a region gives a subscription 100.",
        least=1,
    )
    max_items: int = setting(
        "MAIL_INGEST_JOBS_MAX_ITEMS",
        20,
        unit="count",
        example="5",
        meaning="The most media of one submission in a container.",
        least=1,
    )
    creates_per_hour: int = setting(
        "MAIL_INGEST_JOBS_PER_HOUR",
        300,
        unit="count",
        example="100",
        meaning="The most containers that are created in an hour (Azure's limit).",
        least=1,
    )
    creates_per_5_min: int = setting(
        "MAIL_INGEST_JOBS_PER_5_MIN",
        100,
        unit="count",
        example="50",
        meaning="The most containers that are created in five minutes (Azure's limit).",
        least=1,
    )
    look_s: float = setting(
        "MAIL_INGEST_JOBS_LOOK_S",
        10.0,
        unit="seconds",
        example="30",
        meaning="How often jobs are looked after; a Functions app has MAIL_INGEST_JOBS_SCHEDULE.",
        least=0.01,
    )
    event_url: str = setting(
        "MAIL_INGEST_JOBS_EVENT_URL",
        "",
        unit="URL",
        example="https://newsroom.westeurope-1.eventgrid.azure.net/api/events",
        meaning="Where containers tell that they are done; empty: we tell, when we look.",
    )
    event_key: str = setting(
        "MAIL_INGEST_JOBS_EVENT_KEY",
        "",
        unit="text",
        example="...",
        meaning="The key of the Event Grid topic; Container Apps take their secret event-key.",
        secret=True,
    )
    arm_url: str = setting(
        "MAIL_INGEST_JOBS_ARM_URL",
        "https://management.azure.com",
        unit="URL",
        example="https://management.usgovcloudapi.net",
        meaning="Azure Resource Manager; national clouds have their own.",
    )
