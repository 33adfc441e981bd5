"""The official SDKs' clients on the fake ARM, which speaks plain HTTP on this machine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, override

from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient
from azure.mgmt.containerinstance.aio import ContainerInstanceManagementClient

from adapters.azure.container_apps import AppJob, ContainerApps
from adapters.azure.container_instances import ContainerInstances, InstancePlace
from adapters.azure.jobs.program import Program
from tests.fakes.arm import TOKEN
from tests.support.credentials import FixedToken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azure.core.pipeline import PipelineRequest

    from tests.fakes.arm import FakeArm

OWNER = "a-test"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
IMAGE = "acr.example/describer@sha256:abc"
PLACE = InstancePlace(resource_group="jobs", location="westeurope", owner=OWNER, identity="/id")
APP_JOB = AppJob(resource_group="jobs", name="describer", owner=OWNER)


class OverHttp(SansIOHTTPPolicy[Any, Any]):
    """Sends the token over plain HTTP, which the SDK's own policy refuses to do."""

    def __init__(self, identity: FixedToken) -> None:
        self._identity = identity

    @override
    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {self._identity.token}"


@asynccontextmanager
async def instances_on(
    arm: FakeArm, program: Program | None = None, identity: FixedToken | None = None
) -> AsyncGenerator[ContainerInstances]:
    """Container Instances on the fake."""
    identity = identity or FixedToken(TOKEN)
    async with ContainerInstanceManagementClient(
        identity, SUBSCRIPTION, arm.url, authentication_policy=OverHttp(identity)
    ) as client:
        yield ContainerInstances(client, PLACE, program or Program(image=IMAGE))


@asynccontextmanager
async def apps_on(
    arm: FakeArm, program: Program | None = None, identity: FixedToken | None = None
) -> AsyncGenerator[ContainerApps]:
    """Container Apps on the fake."""
    identity = identity or FixedToken(TOKEN)
    async with ContainerAppsAPIClient(
        identity, SUBSCRIPTION, arm.url, authentication_policy=OverHttp(identity)
    ) as client:
        yield ContainerApps(client, APP_JOB, program or Program(image=IMAGE))
