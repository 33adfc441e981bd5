"""Runs one turn of an orchestrator: durabletask's worker without its connection."""

from __future__ import annotations

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.worker import TaskHubGrpcWorker

from adapters.local.durable.quiet import quiet_logger

_NO_TOKEN = ""


class _Response:
    """Stands where the worker expects its connection, and keeps what it would have sent."""

    def __init__(self) -> None:
        self.sent = pb.OrchestratorResponse()

    def CompleteOrchestratorTask(self, response: pb.OrchestratorResponse) -> None:  # noqa: N802 its name in durabletask
        self.sent = response


class TurnRunner(TaskHubGrpcWorker):
    """A worker that is never started: it holds the orchestrators and replays them on demand.

    Spans are left to the activities: the worker only hands the trace of whoever started the
    instance on to them.
    """

    def __init__(self) -> None:
        super().__init__(logger=quiet_logger(), emit_trace_spans=False)

    def run_turn(self, request: pb.OrchestratorRequest) -> pb.OrchestratorResponse:
        """Replay the past events, run the new ones, and say what the orchestrator asks for now.

        An orchestrator that raises, or that is not registered, gives a response that fails the
        instance.
        """
        response = _Response()
        self._execute_orchestrator(request, response, _NO_TOKEN)
        return response.sent
