"""Description jobs in Azure Container Instances: a container group for each launch, deleted after.

The launch is the name of the group, so creating it twice is creating it once. All that is secret
goes in as secure values, which Azure never gives back.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.azure.jobs.arm import AND_NOT_WAITED, PATIENCE, arm_errors, is_missing
from adapters.azure.jobs.platform import ContainerState
from adapters.azure.jobs.program import CONTAINER, JOBS_URL
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Set

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.mgmt.containerinstance.aio import ContainerInstanceManagementClient
    from azure.mgmt.containerinstance.models import Container, ContainerGroup

    from adapters.azure.jobs.program import Program

logger = logging.getLogger(__name__)

SERVICE = "Container Instances"
_OWNER, _SUBMISSION = "mail-ingest-owner", "mail-ingest-submission"  # tags
_ENDED = frozenset({"Succeeded", "Failed", "Stopped"})  # of a group
_BROKEN = frozenset({"Failed", "Canceled"})  # of its provisioning: no image, no room


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePlace:
    """Where groups are made. `identity` (a resource ID) pulls the image; `subnet` may be empty."""

    resource_group: str
    location: str
    owner: str
    identity: str = ""
    subnet: str = ""


def instances_client(
    credential: AsyncTokenCredential, subscription: str, arm_url: str
) -> ContainerInstanceManagementClient:
    """A client of Resource Manager; whoever uses it closes it."""
    from azure.mgmt.containerinstance.aio import ContainerInstanceManagementClient

    return ContainerInstanceManagementClient(
        credential, subscription, base_url=arm_url, credential_scopes=[f"{arm_url}/.default"]
    )


class ContainerInstances:
    """Runs the describer in container groups."""

    def __init__(
        self, client: ContainerInstanceManagementClient, place: InstancePlace, program: Program
    ) -> None:
        self._client = client
        self._groups: Any = client.container_groups  # its overloads are not fully typed
        self._place = place
        self._program = program

    async def names(self) -> Set[str]:
        """All groups of ours: one that has ended takes room until it is deleted."""
        with arm_errors(SERVICE):
            listed = self._groups.list_by_resource_group(self._place.resource_group, **PATIENCE)
            return {group.name async for group in listed if self._is_ours(group)}

    async def states(self, names: Collection[str]) -> Mapping[str, ContainerState]:
        """The states of the groups that are there; a list does not tell them, so each is asked.
        One that Azure tells nothing of hides no other.
        """
        found = await asyncio.gather(*map(self._known_state, names))
        return {name: state for name, state in zip(names, found, strict=True) if state is not None}

    async def create(self, name: str, jobs_url: str, submission_id: str) -> None:
        """Ask for a group, which is not waited for."""
        group = self._group(jobs_url, submission_id)
        with arm_errors(SERVICE):
            await self._groups.begin_create_or_update(
                self._place.resource_group, name, group, **AND_NOT_WAITED
            )

    async def remove(self, name: str) -> None:
        """Delete a group, and with it whatever runs in it. Harmless when it is not there."""
        with arm_errors(SERVICE):
            await self._groups.begin_delete(self._place.resource_group, name, **AND_NOT_WAITED)

    async def close(self) -> None:
        """Let go of the connections; what runs goes on."""
        await self._client.close()

    def _is_ours(self, group: Any) -> bool:
        return bool(group.tags) and group.tags.get(_OWNER) == self._place.owner

    async def _known_state(self, name: str) -> ContainerState | None:
        try:
            return await self._state(name)
        except ServiceUnavailableError as exc:
            logger.warning(
                "jobs wait",
                extra={"action": "jobs_wait", "container": name, "reason": str(exc)},
            )
            return ContainerState.UNKNOWN

    async def _state(self, name: str) -> ContainerState | None:
        from azure.core.exceptions import ResourceNotFoundError

        with arm_errors(SERVICE):
            try:
                group = await self._groups.get(self._place.resource_group, name, **PATIENCE)
            except ResourceNotFoundError as exc:
                if is_missing(exc):
                    return None
                raise
        return _state_of(group)

    def _group(self, jobs_url: str, submission_id: str) -> ContainerGroup:
        from azure.mgmt.containerinstance.models import (
            ContainerGroup,
            ContainerGroupIdentity,
            ContainerGroupSubnetId,
            ImageRegistryCredential,
            UserAssignedIdentities,
        )

        place, registry = self._place, self._program.image.partition("/")[0]
        identity = ContainerGroupIdentity(
            type="UserAssigned", user_assigned_identities={place.identity: UserAssignedIdentities()}
        )
        login = ImageRegistryCredential(server=registry, identity=place.identity)
        return ContainerGroup(
            location=place.location,
            os_type="Linux",
            restart_policy="Never",
            tags={_OWNER: place.owner, _SUBMISSION: submission_id},
            containers=[self._container(jobs_url)],
            identity=identity if place.identity else None,
            image_registry_credentials=[login] if place.identity else None,
            subnet_ids=[ContainerGroupSubnetId(id=place.subnet)] if place.subnet else None,
        )

    def _container(self, jobs_url: str) -> Container:
        from azure.mgmt.containerinstance.models import (
            Container,
            EnvironmentVariable,
            ResourceRequests,
            ResourceRequirements,
        )

        program = self._program
        secrets = {**program.secrets, JOBS_URL: jobs_url}
        shown = (EnvironmentVariable(name=n, value=v) for n, v in program.environment.items())
        hidden = (EnvironmentVariable(name=n, secure_value=v) for n, v in secrets.items())
        requests = ResourceRequests(cpu=program.cpu, memory_in_gb=program.memory_gb)
        return Container(
            name=CONTAINER,
            image=program.image,
            resources=ResourceRequirements(requests=requests),
            environment_variables=[*shown, *hidden],
        )


def _state_of(group: ContainerGroup) -> ContainerState:
    """A group has ended when its container has, or when it cannot be had at all."""
    view: Any = group.instance_view  # what the service fills in is typed as None
    provisioning: Any = group.provisioning_state
    ended = (view is not None and view.state in _ENDED) or provisioning in _BROKEN
    return ContainerState.ENDED if ended else ContainerState.RUNNING
