"""The Engine port over a durable client: Durable Functions, or the Durable Task Scheduler.

A Functions app is given a client with each invocation; a container makes one
(`DurableTaskSchedulerClient`'s asynchronous sibling) and keeps it. Both speak durabletask's gRPC.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.client import OrchestrationQuery, OrchestrationStatus
from grpc import StatusCode
from grpc.aio import AioRpcError

from adapters.azure.errors import azure_errors_translated
from shared.errors import AccessRefusedError, ServiceUnavailableError
from shared.ports import Instance, InstanceState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from datetime import datetime

    from durabletask.client import AsyncTaskHubGrpcClient, OrchestrationState

    from shared.model import JsonObject

_TIMEOUT_S = 30.0  # for one call: the hub is beside us, or in the same region
_STATES = {
    OrchestrationStatus.PENDING: InstanceState.PENDING,
    OrchestrationStatus.RUNNING: InstanceState.RUNNING,
    OrchestrationStatus.CONTINUED_AS_NEW: InstanceState.RUNNING,
    OrchestrationStatus.COMPLETED: InstanceState.COMPLETED,
    OrchestrationStatus.FAILED: InstanceState.FAILED,
    OrchestrationStatus.TERMINATED: InstanceState.TERMINATED,
    OrchestrationStatus.SUSPENDED: InstanceState.SUSPENDED,
}
_REFUSED = frozenset({StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED})
_ROLE = "our identity needs the role that docs/azure-containers.md names"
_ENDED_STATUSES = (
    OrchestrationStatus.COMPLETED,
    OrchestrationStatus.FAILED,
    OrchestrationStatus.TERMINATED,
)
_PURGE_FOR = timedelta(seconds=20)  # within the time of a call
_ENDED = frozenset({InstanceState.COMPLETED, InstanceState.FAILED, InstanceState.TERMINATED})


class DurableClientEngine:
    """Starts, wakes, reads and forgets instances. Every method may raise ServiceUnavailableError.

    The client is not closed here: who made it closes it.
    """

    def __init__(self, client: AsyncTaskHubGrpcClient) -> None:
        self._client = client

    async def start(self, orchestrator: str, *, instance_id: str, payload: JsonObject) -> bool:
        """Start an instance; False when the instance ID exists, in whatever state.

        The policy names no state that may be replaced. The Durable extension ignores it before the
        release with azure-functions-durable-extension#3316, and goes by host.json: it replaces an
        instance that has ended, so we look before. One that runs is replaced by neither.
        """
        if await self.instance(instance_id) is not None:
            return False
        call = self._client.schedule_new_orchestration(
            orchestrator,
            input=payload,
            instance_id=instance_id,
            reuse_id_policy=pb.OrchestrationIdReusePolicy(),
        )
        return await _ask(call, StatusCode.ALREADY_EXISTS) is not StatusCode.ALREADY_EXISTS

    async def raise_event(self, instance_id: str, *, name: str, payload: JsonObject) -> bool:
        """Raise an external event; False when there is no such instance. One that has ended
        ignores it; the Functions extension calls that a failed precondition.
        """
        call = self._client.raise_orchestration_event(instance_id, name, data=payload)
        answer = await _ask(call, StatusCode.NOT_FOUND, StatusCode.FAILED_PRECONDITION)
        return answer is not StatusCode.NOT_FOUND

    async def instance(self, instance_id: str) -> Instance | None:
        """The instance, or None."""
        call = self._client.get_orchestration_state(instance_id)
        state = await _ask(call, StatusCode.NOT_FOUND)
        return None if state is None or isinstance(state, StatusCode) else _instance(state)

    async def purge(self, instance_id: str) -> None:
        """Forget a finished instance and its sub-orchestrations; one that lives stays."""
        instance = await self.instance(instance_id)
        if instance is not None and instance.state in _ENDED:
            call = self._client.purge_orchestration(instance_id, recursive=True)
            await _ask(call, StatusCode.NOT_FOUND)

    async def purge_ended(self, before: datetime) -> int:
        """Forget instances that have ended and were started before; how many. What is not done in
        the time of one call is left to the next.
        """
        call = self._client.purge_orchestrations_by(
            created_time_to=before, runtime_status=list(_ENDED_STATUSES), timeout=_PURGE_FOR
        )
        return (await _call(call)).deleted_instance_count

    async def failed(self, limit: int = 100) -> Sequence[Instance]:
        """Instances that failed, the latest first, each with a sentence."""
        query = OrchestrationQuery(
            runtime_status=[OrchestrationStatus.FAILED], fetch_inputs_and_outputs=True
        )
        states = await _call(self._client.get_all_orchestration_states(query))
        latest = sorted(states, key=lambda state: state.last_updated_at, reverse=True)
        return [_instance(state) for state in latest[:limit]]


async def _ask[T](call: Awaitable[T], *answers: StatusCode) -> T | StatusCode:
    """The value of a call, or its status where that is one of `answers`."""
    try:
        return await _call(call)
    except ServiceUnavailableError as exc:
        if isinstance(exc.__cause__, AioRpcError) and exc.__cause__.code() in answers:
            return exc.__cause__.code()
        raise


async def _call[T](call: Awaitable[T]) -> T:
    try:
        with azure_errors_translated("task hub"):  # each call takes a token along
            async with asyncio.timeout(_TIMEOUT_S):
                return await call
    except TimeoutError as exc:
        raise ServiceUnavailableError("task hub", f"no answer in {_TIMEOUT_S:g} s") from exc
    except AioRpcError as exc:
        code = exc.code()
        if code in _REFUSED:
            raise AccessRefusedError("task hub", code.name, _ROLE) from exc
        raise ServiceUnavailableError("task hub", code.name) from exc


def _instance(state: OrchestrationState) -> Instance:
    failure = state.failure_details
    return Instance(
        instance_id=state.instance_id,
        state=_STATES[state.runtime_status],
        output=json.loads(state.serialized_output) if state.serialized_output else None,
        failure=failure.message if failure else "",
    )
