"""The results of work items, reported until the task hub has taken them.

durabletask tries once, and logs a failure. The hub does not hear of it: as long as its stream of
work items goes on it waits for that result, and the instance with it.
"""

from __future__ import annotations

import logging
import random
import threading
from typing import TYPE_CHECKING, Any, override

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

_REPORTS = ("/CompleteOrchestratorTask", "/CompleteActivityTask")
_FINAL = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 15.0


class ResultDelivery(grpc.UnaryUnaryClientInterceptor):
    """Goes before every call of a worker. A result holds its thread until it is taken."""

    def __init__(self) -> None:
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """Let go of the results that nobody takes: the process is to end, and what they are of runs
        again elsewhere.
        """
        self._given_up.set()

    @override
    def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Any], Any],
        client_call_details: grpc.ClientCallDetails,
        request: Any,
    ) -> Any:
        call = continuation(client_call_details, request)
        if not client_call_details.method.endswith(_REPORTS):
            return call
        pause_s = _FIRST_PAUSE_S
        while (error := call.exception()) is not None and _may_pass(error):
            if pause_s == _FIRST_PAUSE_S:
                _log(error, request.instanceId)
            if self._given_up.wait(pause_s * random.uniform(0.5, 1.0)):  # noqa: S311
                break
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            call = continuation(client_call_details, request)
        if error is not None and _code(error) is grpc.StatusCode.NOT_FOUND:
            return _Forgotten(request.instanceId)
        return call


class _Forgotten:
    """Nobody waits for a result: the hub was restarted, or took the work item for lost, and gave it
    to somebody. That is no fault, of which durabletask would log the traceback.
    """

    def __init__(self, instance_id: str) -> None:
        logger.info(
            "result not wanted any more",
            extra={"action": "result_not_wanted", "instance_id": instance_id},
        )

    def result(self) -> pb.CompleteTaskResponse:
        return pb.CompleteTaskResponse()


def _may_pass(error: BaseException) -> bool:
    """Also what is no answer: there may be no token for the call at the moment."""
    return _code(error) not in _FINAL


def _code(error: BaseException) -> grpc.StatusCode | None:
    return error.code() if isinstance(error, grpc.Call) else None


def _log(error: BaseException, instance_id: str) -> None:
    code = _code(error)
    logger.warning(
        "result not taken, will be reported again",
        extra={
            "action": "result_not_taken",
            "instance_id": instance_id,
            "error": code.name if code else type(error).__name__,
        },
    )
