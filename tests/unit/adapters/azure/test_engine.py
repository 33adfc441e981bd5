"""A task hub that is not there, or does not answer."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError
from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
from durabletask.client import AsyncTaskHubGrpcClient

from adapters.azure import engine
from adapters.azure.engine import DurableClientEngine
from shared.errors import ServiceUnavailableError
from tests.fakes.scheduler.server import scheduler
from tests.support.credentials import Credential
from tests.support.server_process import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from azure.core.credentials import AccessToken
    from durabletask.task import OrchestrationContext, Task
    from durabletask.worker import TaskHubGrpcWorker


async def test_a_hub_that_is_not_there_is_an_unavailable_service() -> None:
    async with AsyncTaskHubGrpcClient(host_address=f"127.0.0.1:{free_port()}") as client:
        hub = DurableClientEngine(client)
        with pytest.raises(ServiceUnavailableError, match="task hub"):
            await hub.start("echo", instance_id="a", payload={})
        with pytest.raises(ServiceUnavailableError, match="task hub"):
            await hub.raise_event("a", name="Go", payload={})
        with pytest.raises(ServiceUnavailableError, match="task hub"):
            await hub.purge("a")


@pytest.mark.parametrize(
    "error",
    [ServiceRequestError("nobody is there"), ClientAuthenticationError("no token")],
    ids=repr,
)
async def test_a_hub_for_which_there_is_no_token_at_the_moment_is_an_unavailable_service(
    error: AzureError,
) -> None:
    class NoToken(Credential):
        async def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
            raise error

    async with (
        scheduler() as hub,
        AsyncDurableTaskSchedulerClient(
            host_address=hub.endpoint,
            taskhub="default",
            token_credential=NoToken(),
            secure_channel=False,
        ) as client,
    ):
        engine = DurableClientEngine(client)
        with pytest.raises(ServiceUnavailableError, match="task hub"):
            await engine.start("echo", instance_id="a", payload={})
        with pytest.raises(ServiceUnavailableError, match="task hub"):
            await engine.instance("a")


async def test_a_hub_that_never_answers_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # it connects, and says nothing
        address = "{}:{}".format(*listener.getsockname())
        async with AsyncTaskHubGrpcClient(host_address=address) as client:
            with pytest.raises(ServiceUnavailableError, match="no answer in"):
                await DurableClientEngine(client).instance("a")


async def test_an_instance_that_has_ended_is_not_replaced_whatever_the_hub_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before a release of its own, the Durable extension ignores the policy that we send."""
    async with a_hub() as (hub, client):
        engine_ = DurableClientEngine(client)
        await client.schedule_new_orchestration("echo", instance_id="a")
        await client.terminate_orchestration("a")
        started: list[str] = []

        async def replace(name: str, **_options: Any) -> str:
            started.append(name)
            return "a"

        monkeypatch.setattr(client, "schedule_new_orchestration", replace)
        assert not await engine_.start("echo", instance_id="a", payload={})
        assert started == []
        del hub


async def test_what_ended_long_ago_is_forgotten_and_what_lives_is_not() -> None:
    async with a_hub() as (hub, client), hub_worker(hub) as worker:
        engine_ = DurableClientEngine(client)
        for name in ("ended", "living"):
            assert await engine_.start(name, instance_id=name, payload={})
        assert worker
        await client.wait_for_orchestration_completion("ended", timeout=30)
        now = datetime.now(UTC)
        assert await engine_.purge_ended(now - timedelta(days=1)) == 0
        assert await engine_.purge_ended(now + timedelta(days=1)) == 1
        assert await engine_.instance("ended") is None
        assert await engine_.instance("living") is not None


@asynccontextmanager
async def hub_worker(hub: Any) -> AsyncGenerator[TaskHubGrpcWorker]:
    """Runs an orchestration that ends at once, and one that waits."""

    def ended(_context: OrchestrationContext, _payload: object) -> str:
        return "done"

    def living(context: OrchestrationContext, _payload: object) -> Generator[Task[Any], Any]:
        yield context.wait_for_external_event("Go")

    worker = DurableTaskSchedulerWorker(
        host_address=hub.endpoint,
        taskhub="default",
        token_credential=None,
        secure_channel=False,
    )
    worker.add_orchestrator(ended)
    worker.add_orchestrator(living)
    await asyncio.to_thread(worker.start)
    try:
        yield worker
    finally:
        await asyncio.to_thread(worker.stop)


@asynccontextmanager
async def a_hub() -> AsyncGenerator[tuple[Any, AsyncTaskHubGrpcClient]]:
    async with (
        scheduler() as hub,
        AsyncDurableTaskSchedulerClient(
            host_address=hub.endpoint,
            taskhub="default",
            token_credential=None,
            secure_channel=False,
        ) as client,
    ):
        yield hub, client
