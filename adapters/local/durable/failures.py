"""Failures as durabletask keeps them, never without a message."""

from __future__ import annotations

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers as ph

_NO_MESSAGE = "raised without a message"


def failure_of(error: BaseException) -> pb.TaskFailureDetails:
    """The details of an exception."""
    if isinstance(error, Exception):
        return with_message(ph.new_failure_details(error))
    return with_message(
        pb.TaskFailureDetails(errorType=ph.get_qualified_name(type(error)), errorMessage=str(error))
    )


def with_message(details: pb.TaskFailureDetails) -> pb.TaskFailureDetails:
    """Say the error's type when it has no message: durabletask reads an empty message as no
    failure.
    """
    if not details.errorMessage:
        name = details.errorType.removeprefix("builtins.") or "An error"
        details.errorMessage = f"{name}, {_NO_MESSAGE}"
    return details
