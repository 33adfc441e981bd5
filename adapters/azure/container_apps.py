"""Description jobs as executions of one Container Apps job, which the infrastructure sets up.

Azure names executions itself, so each carries its launch in its environment and is found by it. An
execution's template can be read by whoever may read the job. Therefore the lasting secrets are
secrets of the job, which the template only names (`secret_name`), and the one secret of the launch,
JOBS_URL, is good for an hour and for a blob that is deleted with the launch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.azure.jobs.arm import AND_NOT_WAITED, PATIENCE, arm_errors
from adapters.azure.jobs.platform import ContainerState
from adapters.azure.jobs.program import CONTAINER, JOBS_URL, LAUNCH

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Set

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient
    from azure.mgmt.appcontainers.models import JobExecution, JobExecutionTemplate

    from adapters.azure.jobs.program import Program

SERVICE = "Container Apps"
_ENDED = frozenset({"Succeeded", "Failed", "Stopped", "Degraded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AppJob:
    """The job whose executions describe. Its retry limit must be 0: trying again is ours."""

    resource_group: str
    name: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Execution:
    """An execution of ours."""

    name: str
    launch: str
    state: ContainerState


def apps_client(
    credential: AsyncTokenCredential, subscription: str, arm_url: str
) -> ContainerAppsAPIClient:
    """A client of Resource Manager; whoever uses it closes it."""
    from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient

    return ContainerAppsAPIClient(
        credential, subscription, base_url=arm_url, credential_scopes=[f"{arm_url}/.default"]
    )


def secret_name(variable: str) -> str:
    """The job's secret that holds a variable: ``EVENT_KEY`` lies in ``event-key``."""
    return variable.lower().replace("_", "-")


class ContainerApps:
    """Runs the describer in executions of a Container Apps job."""

    def __init__(self, client: ContainerAppsAPIClient, job: AppJob, program: Program) -> None:
        self._client = client
        self._jobs = client.jobs
        self._executions = client.jobs_executions
        self._job = job
        self._program = program

    async def names(self) -> Set[str]:
        """The launches that run; what has ended takes no room, and Azure forgets it by itself."""
        return {each.launch for each in await self._all() if each.state is ContainerState.RUNNING}

    async def states(self, names: Collection[str]) -> Mapping[str, ContainerState]:
        """The states of the launches that there are executions of; one that runs decides."""
        states: dict[str, ContainerState] = {}
        for each in await self._all() if names else ():
            if each.launch in names and states.get(each.launch) is not ContainerState.RUNNING:
                states[each.launch] = each.state
        return states

    async def create(self, name: str, jobs_url: str, submission_id: str) -> None:
        """Start an execution, which is not waited for."""
        template = self._template(name, jobs_url, submission_id)
        with arm_errors(SERVICE):
            await self._jobs.begin_start(
                self._job.resource_group, self._job.name, template, **AND_NOT_WAITED
            )

    async def remove(self, name: str) -> None:
        """Stop the executions of a launch that still run."""
        for each in await self._all():
            if each.launch == name and each.state is ContainerState.RUNNING:
                with arm_errors(SERVICE):
                    await self._jobs.begin_stop_execution(
                        self._job.resource_group, self._job.name, each.name, **AND_NOT_WAITED
                    )

    async def close(self) -> None:
        """Let go of the connections; what runs goes on."""
        await self._client.close()

    async def _all(self) -> list[_Execution]:
        with arm_errors(SERVICE):
            listed = self._executions.list(self._job.resource_group, self._job.name, **PATIENCE)
            found = [self._ours(execution) async for execution in listed]
        return [each for each in found if each is not None]

    def _ours(self, execution: JobExecution) -> _Execution | None:
        properties = execution.properties
        template = properties.template if properties else None
        owner, _, launch = next(
            (
                (variable.value or "").partition("/")
                for container in (template.containers if template else None) or ()
                for variable in container.env or ()
                if variable.name == LAUNCH
            ),
            ("", "", ""),
        )
        if not launch or owner != self._job.owner or not execution.name or properties is None:
            return None
        ended = properties.status in _ENDED
        state = ContainerState.ENDED if ended else ContainerState.RUNNING
        return _Execution(name=execution.name, launch=launch, state=state)

    def _template(self, name: str, jobs_url: str, submission_id: str) -> JobExecutionTemplate:
        from azure.mgmt.appcontainers.models import (
            ContainerResources,
            EnvironmentVar,
            JobExecutionContainer,
            JobExecutionTemplate,
        )

        program = self._program
        shown = {
            **program.environment,
            LAUNCH: f"{self._job.owner}/{name}",
            "MAIL_INGEST_SUBMISSION": submission_id,
            JOBS_URL: jobs_url,
        }
        container = JobExecutionContainer(
            name=CONTAINER,
            image=program.image,
            resources=ContainerResources(cpu=program.cpu, memory=f"{program.memory_gb:g}Gi"),
            env=[
                *(EnvironmentVar(name=n, value=v) for n, v in shown.items()),
                *(EnvironmentVar(name=n, secret_ref=secret_name(n)) for n in program.secrets),
            ],
        )
        return JobExecutionTemplate(containers=[container])
