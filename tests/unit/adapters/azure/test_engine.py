"""A task hub that is not there, or does not answer."""

from __future__ import annotations

import socket

import pytest
from durabletask.client import AsyncTaskHubGrpcClient

from adapters.azure import engine
from adapters.azure.engine import DurableClientEngine
from shared.errors import ServiceUnavailableError
from tests.support.server_process import free_port


async def test_a_hub_that_is_not_there_is_an_unavailable_service() -> None:
    async with AsyncTaskHubGrpcClient(host_address=f"127.0.0.1:{free_port()}") as client:
        hub = DurableClientEngine(client)
        with pytest.raises(ServiceUnavailableError, match="task hub"):
            await hub.start("echo", instance_id="a", payload={})
        with pytest.raises(ServiceUnavailableError, match="task hub"):
            await hub.raise_event("a", name="Go", payload={})
        with pytest.raises(ServiceUnavailableError, match="task hub"):
            await hub.purge("a")


async def test_a_hub_that_never_answers_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # it connects, and says nothing
        address = "{}:{}".format(*listener.getsockname())
        async with AsyncTaskHubGrpcClient(host_address=address) as client:
            with pytest.raises(ServiceUnavailableError, match="no answer in"):
                await DurableClientEngine(client).instance("a")
