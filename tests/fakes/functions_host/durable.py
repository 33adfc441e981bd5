"""The Durable extension: work items of a local engine run as orchestrator and activity functions.

An orchestrator trigger carries a base64 protobuf OrchestratorRequest and returns the response
alike; an activity trigger carries the JSON of its input and returns the JSON of its result.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any, override

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers

from adapters.local.durable.failures import failure_of
from adapters.local.durable.turn_runner import TurnRunner
from adapters.local.engine import LocalEngine
from tests.fakes.functions_host.protos import TypedData
from tests.fakes.functions_host.worker import FunctionFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.model import JsonObject
    from tests.fakes.functions_host.worker import Function, Worker


class FunctionsTaskHub(LocalEngine):
    """A local engine whose orchestrators and activities are functions of a worker."""

    def serve(self, worker: Worker) -> None:
        """Begin to work, on the running event loop."""
        self._runner = _OrchestratorFunctions(worker, asyncio.get_running_loop())
        activities = worker.of_type("activityTrigger", "activity")
        self.register((), {name: _activity(worker, it) for name, it in activities.items()})
        self.start_worker()


def client_configuration(address: str) -> str:
    """What the durable client binding hands to a function."""
    return json.dumps(
        {
            "taskHubName": "MailIngest",
            "connectionName": "Storage",
            "rpcBaseUrl": f"http://{address}",
            "baseUrl": "http://127.0.0.1/runtime/webhooks/durabletask",
            "httpBaseUrl": None,
            "creationUrls": {},
            "managementUrls": {},
            "requiredQueryStringParameters": "code=k",
            "maxGrpcMessageSizeInBytes": None,
        }
    )


class _OrchestratorFunctions(TurnRunner):
    """Runs a turn on the worker's event loop; called from the engine's thread."""

    def __init__(self, worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._worker = worker
        self._loop = loop

    @override
    def run_turn(self, request: pb.OrchestratorRequest) -> pb.OrchestratorResponse:
        return asyncio.run_coroutine_threadsafe(self._turn(request), self._loop).result()

    async def _turn(self, request: pb.OrchestratorRequest) -> pb.OrchestratorResponse:
        functions = self._worker.of_type("orchestrationTrigger", "orchestration")
        data = TypedData(string=base64.b64encode(request.SerializeToString()).decode("ascii"))
        response = pb.OrchestratorResponse()
        try:
            answer = await self._worker.invoke(functions[_name(request)], data)
            response.ParseFromString(base64.b64decode(answer.string))
        except (KeyError, FunctionFailedError) as error:
            response.actions.append(
                helpers.new_complete_orchestration_action(
                    -1, pb.ORCHESTRATION_STATUS_FAILED, "", failure_of(error)
                )
            )
        response.instanceId = request.instanceId
        return response


def _name(request: pb.OrchestratorRequest) -> str:
    events = [*request.newEvents, *request.pastEvents]
    return next(it.executionStarted.name for it in events if it.HasField("executionStarted"))


def _activity(worker: Worker, function: Function) -> Callable[[JsonObject], Awaitable[JsonObject]]:
    async def run(payload: JsonObject) -> JsonObject:
        answer: Any = await worker.invoke(function, TypedData(json=json.dumps(payload)))
        return json.loads(answer.json)

    return run
