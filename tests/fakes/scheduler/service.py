"""The calls: clients start, tell, read, list, end and forget instances; workers work for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, override

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal.orchestrator_service_pb2_grpc import (  # pyright: ignore[reportMissingTypeStubs]
    TaskHubSidecarServiceServicer,
)
from google.protobuf.empty_pb2 import Empty
from grpc import StatusCode

from tests.fakes.scheduler.instance import ENDED
from tests.fakes.scheduler.store import Query
from tests.fakes.scheduler.work import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    import grpc

    from tests.fakes.scheduler.hub import Hub
    from tests.fakes.scheduler.store import Store
    from tests.fakes.scheduler.weather import HubWeather

    type Context = grpc.aio.ServicerContext[Any, Any]

_LONGEST_PAGE = 100
_PING_AFTER_S = 10.0
_STARTED = ENDED | {pb.ORCHESTRATION_STATUS_RUNNING, pb.ORCHESTRATION_STATUS_SUSPENDED}
_NEVER_US = 2**63 - 1


class SchedulerService(TaskHubSidecarServiceServicer):
    """What clients and workers may ask of a hub. `news` is told after every change of it."""

    def __init__(self, hub: Hub, store: Store, weather: HubWeather) -> None:
        self._hub = hub
        self._store = store
        self._weather = weather
        self.news = asyncio.Condition()

    @override
    async def Hello(self, request: Empty, context: Context) -> Empty:
        return Empty()

    @override
    async def StartInstance(
        self, request: pb.CreateInstanceRequest, context: Context
    ) -> pb.CreateInstanceResponse:
        if not request.instanceId or request.HasField("scheduledStartTimestamp"):
            await context.abort(StatusCode.UNIMPLEMENTED, "Give an ID, and no time.")
        state = self._hub.state(request.instanceId)
        # Without a policy the service replaces what has ended.
        policy = request.orchestrationIdReusePolicy
        given = request.HasField("orchestrationIdReusePolicy")
        replaceable = policy.replaceableStatus if given else ENDED
        if state and (
            state.orchestrationStatus not in replaceable or self._hub.is_live(request.instanceId)
        ):
            await context.abort(StatusCode.ALREADY_EXISTS, "There is such an instance.")
        with self._hub.transaction():
            self._hub.create(request, None)
        return pb.CreateInstanceResponse(instanceId=request.instanceId)

    @override
    async def RaiseEvent(
        self, request: pb.RaiseEventRequest, context: Context
    ) -> pb.RaiseEventResponse:
        await self._require(request.instanceId, context)
        raised = pb.EventRaisedEvent(
            name=request.name, input=request.input if request.HasField("input") else None
        )
        with self._hub.transaction():
            self._hub.tell(request.instanceId, eventRaised=raised)
        return pb.RaiseEventResponse()

    @override
    async def SuspendInstance(
        self, request: pb.SuspendRequest, context: Context
    ) -> pb.SuspendResponse:
        await self._require(request.instanceId, context)
        suspended = pb.ExecutionSuspendedEvent(input=request.reason)
        with self._hub.transaction():
            self._hub.tell(request.instanceId, executionSuspended=suspended)
        return pb.SuspendResponse()

    @override
    async def ResumeInstance(
        self, request: pb.ResumeRequest, context: Context
    ) -> pb.ResumeResponse:
        await self._require(request.instanceId, context)
        resumed = pb.ExecutionResumedEvent(input=request.reason)
        with self._hub.transaction():
            self._hub.tell(request.instanceId, executionResumed=resumed)
        return pb.ResumeResponse()

    @override
    async def TerminateInstance(
        self, request: pb.TerminateRequest, context: Context
    ) -> pb.TerminateResponse:
        await self._require(request.instanceId, context)
        with self._hub.transaction():
            self._hub.terminate(request)
        return pb.TerminateResponse()

    @override
    async def GetInstance(
        self, request: pb.GetInstanceRequest, context: Context
    ) -> pb.GetInstanceResponse:
        return _answer(self._hub.state(request.instanceId), request)

    @override
    async def WaitForInstanceStart(
        self, request: pb.GetInstanceRequest, context: Context
    ) -> pb.GetInstanceResponse:
        return await self._wait_for(request, _STARTED)

    @override
    async def WaitForInstanceCompletion(
        self, request: pb.GetInstanceRequest, context: Context
    ) -> pb.GetInstanceResponse:
        return await self._wait_for(request, ENDED)

    @override
    async def StreamInstanceHistory(
        self, request: pb.StreamInstanceHistoryRequest, context: Context
    ) -> AsyncGenerator[pb.HistoryChunk]:
        await self._weather.check(context)
        await self._require(request.instanceId, context)
        yield pb.HistoryChunk(events=self._store.history(request.instanceId))

    @override
    async def QueryInstances(
        self, request: pb.QueryInstancesRequest, context: Context
    ) -> pb.QueryInstancesResponse:
        asked = request.query
        created_us, _, name = asked.continuationToken.value.partition(" ")
        query = Query(
            statuses=asked.runtimeStatus,
            prefix=asked.instanceIdPrefix.value,
            created_from_us=asked.createdTimeFrom.ToMicroseconds(),
            created_until_us=_until_us(asked),
            after=(int(created_us or 0), name),
            most=min(asked.maxInstanceCount or _LONGEST_PAGE, _LONGEST_PAGE),
        )
        found = self._store.find(query)
        response = pb.QueryInstancesResponse()
        for _, state in found:
            response.orchestrationState.append(_shown(state, all_of_it=asked.fetchInputsAndOutputs))
        if len(found) == query.most:
            (last_us, last_name), _ = found[-1]
            response.continuationToken.value = f"{last_us} {last_name}"
        return response

    @override
    async def PurgeInstances(
        self, request: pb.PurgeInstancesRequest, context: Context
    ) -> pb.PurgeInstancesResponse:
        with self._hub.transaction():
            count = self._hub.purge(self._meant(request), recursive=request.recursive)
        return pb.PurgeInstancesResponse(deletedInstanceCount=count, isComplete={"value": True})

    @override
    async def GetWorkItems(self, request: pb.GetWorkItemsRequest, context: Context) -> None:
        """Hand out work for as long as the worker is there."""
        await self._weather.check(context)
        worker = Worker(
            most_turns=request.maxConcurrentOrchestrationWorkItems,
            most_runs=request.maxConcurrentActivityWorkItems,
        )
        with self._hub.work.stream(worker):
            while True:
                worker.awake.clear()
                while item := self._hub.next_item(worker):
                    await context.write(item)
                try:
                    async with asyncio.timeout(_PING_AFTER_S):
                        await worker.awake.wait()
                except TimeoutError:
                    await context.write(pb.WorkItem(healthPing=pb.HealthPing()))

    @override
    async def CompleteOrchestratorTask(
        self, request: pb.OrchestratorResponse, context: Context
    ) -> pb.CompleteTaskResponse:
        with self._hub.transaction():
            is_taken = self._hub.end_turn(request)
        return await self._done(context, is_taken=is_taken)

    @override
    async def CompleteActivityTask(
        self, request: pb.ActivityResponse, context: Context
    ) -> pb.CompleteTaskResponse:
        with self._hub.transaction():
            is_taken = self._hub.end_run(request)
        return await self._done(context, is_taken=is_taken)

    @override
    async def AbandonTaskOrchestratorWorkItem(
        self, request: pb.AbandonOrchestrationTaskRequest, context: Context
    ) -> pb.AbandonOrchestrationTaskResponse:
        self._hub.work.give_up(request.completionToken)
        return pb.AbandonOrchestrationTaskResponse()

    @override
    async def AbandonTaskActivityWorkItem(
        self, request: pb.AbandonActivityTaskRequest, context: Context
    ) -> pb.AbandonActivityTaskResponse:
        self._hub.work.give_up(request.completionToken)
        return pb.AbandonActivityTaskResponse()

    async def _require(self, instance_id: str, context: Context) -> None:
        if self._hub.state(instance_id) is None:
            await context.abort(StatusCode.NOT_FOUND, "There is no such instance.")

    async def _done(self, context: Context, *, is_taken: bool) -> pb.CompleteTaskResponse:
        if not is_taken:
            await context.abort(StatusCode.NOT_FOUND, "Nobody waits for this work item.")
        async with self.news:
            self.news.notify_all()
        return pb.CompleteTaskResponse()

    async def _wait_for(
        self, request: pb.GetInstanceRequest, statuses: Collection[pb.OrchestrationStatus]
    ) -> pb.GetInstanceResponse:
        async with self.news:
            while True:
                state = self._hub.state(request.instanceId)
                if state is None or state.orchestrationStatus in statuses:
                    return _answer(state, request)
                await self.news.wait()

    def _meant(self, request: pb.PurgeInstancesRequest) -> list[str]:
        if request.instanceId:
            return [request.instanceId]
        if request.HasField("instanceBatch"):
            return list(request.instanceBatch.instanceIds)
        asked = request.purgeInstanceFilter
        query = Query(
            statuses=asked.runtimeStatus,
            created_from_us=asked.createdTimeFrom.ToMicroseconds(),
            created_until_us=_until_us(asked),
            most=-1,
        )
        return [state.instanceId for _, state in self._store.find(query)]


def _until_us(asked: pb.InstanceQuery | pb.PurgeInstanceFilter) -> int:
    return asked.createdTimeTo.ToMicroseconds() if asked.HasField("createdTimeTo") else _NEVER_US


def _answer(
    state: pb.OrchestrationState | None, request: pb.GetInstanceRequest
) -> pb.GetInstanceResponse:
    if state is None:
        return pb.GetInstanceResponse(exists=False)
    shown = _shown(state, all_of_it=request.getInputsAndOutputs)
    return pb.GetInstanceResponse(exists=True, orchestrationState=shown)


def _shown(state: pb.OrchestrationState, *, all_of_it: bool) -> pb.OrchestrationState:
    shown = pb.OrchestrationState()
    shown.CopyFrom(state)
    if not all_of_it:
        shown.ClearField("input")
        shown.ClearField("output")
    return shown
