"""Microsoft.ContainerInstance/containerGroups."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.arm.addresses import public_url
from tests.fakes.arm.faults import Quotas, error
from tests.fakes.arm.processes import ContainerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH = (
    "/subscriptions/{subscription}/resourceGroups/{resource_group}"
    "/providers/Microsoft.ContainerInstance/containerGroups"
)


@dataclass(slots=True)
class Group:
    """A container group, with what its process was given."""

    id: str
    name: str
    body: dict[str, Any]
    container: ContainerProcess
    environment: dict[str, str]

    @property
    def state(self) -> str:
        code = self.container.exit_code
        return "Running" if code is None else "Succeeded" if code == 0 else "Failed"


@dataclass(slots=True)
class ContainerGroups:
    """The groups, and the handlers of their calls."""

    images: Mapping[str, Sequence[str]]
    quotas: Quotas
    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    created: list[Group] = field(default_factory=list[Group])

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(PATH, self.list),
            web.put(PATH + "/{name}", self.put),
            web.get(PATH + "/{name}", self.get),
            web.delete(PATH + "/{name}", self.delete),
        ]

    async def put(self, request: web.Request) -> web.Response:
        """Create a group; a second PUT of the same is no update here, but a mistake."""
        name, body = request.match_info["name"], await request.json()
        if name in self.groups:
            return error(409, "ContainerGroupTransitioning")
        (container,) = body["properties"]["containers"]
        command = self.images.get(container["properties"]["image"])
        if command is None:
            return error(400, "InaccessibleImage")
        if refusal := self.quotas.refusal(len(self.groups)):
            return refusal
        variables = container["properties"].get("environmentVariables", [])
        environment = {v["name"]: v.get("value") or v.get("secureValue", "") for v in variables}
        process = await ContainerProcess.start(command, environment)
        group = Group(request.path, name, body, process, environment)
        self.groups[name] = group
        self.created.append(group)
        operation = f"{public_url(request).origin()}/operations/{name}?api-version=2023-05-01"
        headers = {"Azure-AsyncOperation": operation, "Retry-After": "0"}
        return web.json_response(_shown(group, full=True), status=201, headers=headers)

    async def get(self, request: web.Request) -> web.Response:
        group = self.groups.get(request.match_info["name"])
        return error(404, "ResourceNotFound") if group is None else _json(group)

    async def list(self, request: web.Request) -> web.Response:
        """Two groups a page. A list has no instance views."""
        start = int(request.query.get("start", "0"))
        groups = list(self.groups.values())
        page: dict[str, Any] = {"value": [_shown(g, full=False) for g in groups[start : start + 2]]}
        if start + 2 < len(groups):
            page["nextLink"] = str(public_url(request).update_query(start=start + 2))
        return web.json_response(page)

    async def delete(self, request: web.Request) -> web.Response:
        group = self.groups.pop(request.match_info["name"], None)
        if group is None:
            return web.Response(status=204)
        await group.container.stop()
        return _json(group)

    async def stop(self) -> None:
        for group in self.created:
            await group.container.stop()


def _json(group: Group) -> web.Response:
    return web.json_response(_shown(group, full=True))


def _shown(group: Group, *, full: bool) -> dict[str, Any]:
    """A group as ARM shows it: without secure values."""
    body = copy.deepcopy(group.body)
    properties = body["properties"]
    properties["provisioningState"] = "Succeeded"
    for container in properties["containers"]:
        for variable in container["properties"].get("environmentVariables", []):
            variable.pop("secureValue", None)
    if full:
        properties["instanceView"] = {"events": [], "state": group.state}
    kind = "Microsoft.ContainerInstance/containerGroups"
    return body | {"id": group.id, "name": group.name, "type": kind}
