"""Microsoft.App/jobs: one job's executions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.arm.addresses import public_url
from tests.fakes.arm.faults import Quotas, error
from tests.fakes.arm.processes import ContainerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JOB = "describer"
PATH = (
    "/subscriptions/{subscription}/resourceGroups/{resource_group}"
    "/providers/Microsoft.App/jobs/{job}"
)


@dataclass(slots=True)
class Execution:
    """One run of the job."""

    name: str
    template: dict[str, Any]
    container: ContainerProcess
    environment: dict[str, str]
    started_at: datetime
    stopped: bool = False

    @property
    def status(self) -> str:
        code = self.container.exit_code
        if self.stopped:
            return "Stopped"
        return "Running" if code is None else "Succeeded" if code == 0 else "Failed"


@dataclass(slots=True)
class JobExecutions:
    """The executions, and the handlers of their calls. `secrets` are the job's own."""

    images: Mapping[str, Sequence[str]]
    quotas: Quotas
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    executions: list[Execution] = field(default_factory=list[Execution])

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(PATH + "/start", self.start),
            web.get(PATH + "/executions", self.list),
            web.post(PATH + "/executions/{name}/stop", self.stop_one),
        ]

    async def start(self, request: web.Request) -> web.Response:
        """Start an execution under a name of Azure's own."""
        if request.match_info["job"] != JOB:
            return error(404, "ResourceNotFound")
        template = await request.json()
        (container,) = template["containers"]
        command = self.images.get(container["image"])
        environment = self._environment(container.get("env", []))
        if command is None or environment is None:
            return error(400, "ContainerAppInvalidTemplate")
        running = sum(each.status == "Running" for each in self.executions)
        if refusal := self.quotas.refusal(running):
            return refusal
        name = f"{JOB}-{len(self.executions):07d}"
        process = await ContainerProcess.start(command, environment)
        self.executions.append(Execution(name, template, process, environment, datetime.now(UTC)))
        location = f"{public_url(request).origin()}/operations/{name}?api-version=2025-01-01"
        shown = {"name": name, "id": f"{request.path.removesuffix('/start')}/executions/{name}"}
        headers = {"Location": location, "Retry-After": "0"}
        return web.json_response(shown, status=202, headers=headers)

    async def list(self, request: web.Request) -> web.Response:
        """The executions, the newest first, two a page."""
        start = int(request.query.get("start", "0"))
        newest = self.executions[::-1]
        page: dict[str, Any] = {"value": [_shown(each) for each in newest[start : start + 2]]}
        if start + 2 < len(newest):
            page["nextLink"] = str(public_url(request).update_query(start=start + 2))
        return web.json_response(page)

    async def stop_one(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        found = next((each for each in self.executions if each.name == name), None)
        if found is None:
            return error(404, "ResourceNotFound")
        found.stopped = found.container.exit_code is None
        await found.container.stop()
        return web.Response(status=200)

    async def stop(self) -> None:
        for execution in self.executions:
            await execution.container.stop()

    def _environment(self, variables: list[dict[str, str]]) -> dict[str, str] | None:
        """What the process sees; None when a secret is named that the job does not have."""
        found: dict[str, str] = {}
        for variable in variables:
            secret = variable.get("secretRef")
            if secret is not None and secret not in self.secrets:
                return None
            found[variable["name"]] = self.secrets[secret] if secret else variable["value"]
        return found


def _shown(execution: Execution) -> dict[str, Any]:
    return {
        "name": execution.name,
        "type": "Microsoft.App/jobs/executions",
        "properties": {
            "status": execution.status,
            "startTime": execution.started_at.isoformat(),
            "template": execution.template,
        },
    }
