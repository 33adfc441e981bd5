"""A task hub that is not there, or does not answer."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError
from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient
from durabletask.client import AsyncTaskHubGrpcClient

from adapters.azure import engine
from adapters.azure.engine import DurableClientEngine
from shared.errors import ServiceUnavailableError
from tests.fakes.scheduler.server import scheduler
from tests.support.credentials import Credential
from tests.support.server_process import free_port

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken


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
