"""A task hub for durable clients: durabletask's gRPC service on a socket, played by a local engine.

It answers as the Durable extension of the Functions host does, faults included: an instance that
has ended is a failed precondition for an event. Not here: entities, history, rewind, suspend, work
items (the host's own business), and pages of a query.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, override

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from durabletask.internal.orchestrator_service_pb2_grpc import (  # pyright: ignore[reportMissingTypeStubs]
    TaskHubSidecarServiceServicer,
    add_TaskHubSidecarServiceServicer_to_server,  # pyright: ignore[reportUnknownVariableType]
)
from google.protobuf.wrappers_pb2 import StringValue

from shared.ports import Instance, InstanceState

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from adapters.local.engine import LocalEngine

    type Context = grpc.aio.ServicerContext[Any, Any]

_STATUS = {
    InstanceState.PENDING: pb.ORCHESTRATION_STATUS_PENDING,
    InstanceState.RUNNING: pb.ORCHESTRATION_STATUS_RUNNING,
    InstanceState.COMPLETED: pb.ORCHESTRATION_STATUS_COMPLETED,
    InstanceState.FAILED: pb.ORCHESTRATION_STATUS_FAILED,
    InstanceState.TERMINATED: pb.ORCHESTRATION_STATUS_TERMINATED,
    InstanceState.SUSPENDED: pb.ORCHESTRATION_STATUS_SUSPENDED,
}
_ENDED = frozenset({InstanceState.COMPLETED, InstanceState.FAILED, InstanceState.TERMINATED})


class TaskHubService(TaskHubSidecarServiceServicer):
    """What a durable client may ask."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine

    @override
    async def StartInstance(
        self, request: pb.CreateInstanceRequest, context: Context
    ) -> pb.CreateInstanceResponse:
        payload = json.loads(request.input.value)
        if not await self._engine.start(
            request.name, instance_id=request.instanceId, payload=payload
        ):
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "It exists.")
        return pb.CreateInstanceResponse(instanceId=request.instanceId)

    @override
    async def RaiseEvent(
        self, request: pb.RaiseEventRequest, context: Context
    ) -> pb.RaiseEventResponse:
        instance = await self._engine.instance(request.instanceId)
        if instance is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such instance.")
        elif instance.state in _ENDED:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "It has ended.")
        payload = json.loads(request.input.value)
        await self._engine.raise_event(request.instanceId, name=request.name, payload=payload)
        return pb.RaiseEventResponse()

    @override
    async def GetInstance(
        self, request: pb.GetInstanceRequest, context: Context
    ) -> pb.GetInstanceResponse:
        del context
        instance = await self._engine.instance(request.instanceId)
        if instance is None:
            return pb.GetInstanceResponse(exists=False)
        return pb.GetInstanceResponse(exists=True, orchestrationState=_state(instance))

    @override
    async def PurgeInstances(
        self, request: pb.PurgeInstancesRequest, context: Context
    ) -> pb.PurgeInstancesResponse:
        del context
        if request.HasField("purgeInstanceFilter"):  # nothing here is old
            return pb.PurgeInstancesResponse(deletedInstanceCount=0)
        await self._engine.purge(request.instanceId)
        return pb.PurgeInstancesResponse(deletedInstanceCount=1)

    @override
    async def QueryInstances(
        self, request: pb.QueryInstancesRequest, context: Context
    ) -> pb.QueryInstancesResponse:
        if list(request.query.runtimeStatus) != [pb.ORCHESTRATION_STATUS_FAILED]:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Ask for failed ones.")
        failed = await self._engine.failed(1000)
        return pb.QueryInstancesResponse(orchestrationState=[_state(each) for each in failed])


@asynccontextmanager
async def task_hub(engine: LocalEngine) -> AsyncGenerator[str]:
    """Serve the hub of an engine on 127.0.0.1 for as long as the block lasts; host:port."""
    server = grpc.aio.server()
    add_TaskHubSidecarServiceServicer_to_server(TaskHubService(engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def _state(instance: Instance) -> pb.OrchestrationState:
    state = pb.OrchestrationState(
        instanceId=instance.instance_id, orchestrationStatus=_STATUS[instance.state]
    )
    if instance.output is not None:
        state.output.CopyFrom(StringValue(value=json.dumps(instance.output)))
    if instance.failure:
        state.failureDetails.CopyFrom(pb.TaskFailureDetails(errorMessage=instance.failure))
    return state
