"""The server: one token, the faults, and the two kinds of containers behind it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakes.arm.addresses import SCHEME
from tests.fakes.arm.executions import JobExecutions
from tests.fakes.arm.faults import Fault, Quotas, error
from tests.fakes.arm.groups import ContainerGroups
from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from aiohttp.typedefs import Handler, Middleware

TOKEN = "a-token-of-the-fake"


@dataclass(slots=True)
class FakeArm:
    """A running fake. `calls` are ``METHOD /path`` as they came."""

    groups: ContainerGroups
    apps: JobExecutions
    quotas: Quotas
    url: str = ""
    faults: list[Fault] = field(default_factory=list[Fault])
    calls: list[str] = field(default_factory=list[str])

    def started(self) -> list[Mapping[str, str]]:
        """The environments of all containers, in the order of their start."""
        return [each.environment for each in (*self.groups.created, *self.apps.executions)]

    def running(self) -> int:
        """How many containers there are that take room."""
        apps = sum(each.status == "Running" for each in self.apps.executions)
        return len(self.groups.groups) + apps


@asynccontextmanager
async def fake_arm(
    images: Mapping[str, Sequence[str]],
    quotas: Quotas | None = None,
    *,
    token: str = TOKEN,
    scheme: str = "http",
) -> AsyncGenerator[FakeArm]:
    """Run the fake; `images` gives the command of each image. With an empty `token` any is taken.
    `scheme` is https behind a proxy that speaks TLS.
    """
    quotas = quotas or Quotas()
    arm = FakeArm(ContainerGroups(images, quotas), JobExecutions(images, quotas), quotas)
    app = web.Application(middlewares=[_at_the_door(arm, token)])
    app[SCHEME] = scheme
    app.add_routes([*arm.groups.routes(), *arm.apps.routes()])
    app.add_routes([web.get("/operations/{name}", _operation)])
    try:
        async with web_server(app) as arm.url:
            yield arm
    finally:
        await arm.groups.stop()
        await arm.apps.stop()


def _at_the_door(arm: FakeArm, token: str) -> Middleware:
    @web.middleware
    async def look(request: web.Request, handler: Handler) -> web.StreamResponse:
        call = f"{request.method} {request.path}"
        arm.calls.append(call)
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not given or given != (token or given):
            return error(401, "AuthenticationFailed")
        fault = next((each for each in arm.faults if each.strikes(call)), None)
        if fault is None:
            return await handler(request)
        if fault.after:
            await handler(request)
        if fault.status == 0 and request.transport is not None:
            request.transport.close()
        return error(fault.status or 500, fault.code, fault.retry_after_s)

    return look


async def _operation(request: web.Request) -> web.Response:
    """A long-running operation: it is always over by the time that somebody asks."""
    return web.json_response({"name": request.match_info["name"], "status": "Succeeded"})
