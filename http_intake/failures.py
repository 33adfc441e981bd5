"""How what went wrong inside becomes a problem for the client; nothing of the inside is told."""

from __future__ import annotations

import logging
import math

from starlette.exceptions import HTTPException

from http_intake import problem_types
from http_intake.problems import Problem, ProblemError
from shared.errors import ServiceUnavailableError, StorageFullError, TooLargeError

logger = logging.getLogger(__name__)

_RETRY_AFTER_S = 30.0


def problem_of(exc: Exception) -> Problem:
    """The problem that an exception stands for."""
    match exc:
        case ProblemError():
            return exc.problem
        case HTTPException():
            return _of_routing(exc)
        case TooLargeError():
            return Problem(
                kind=problem_types.TOO_LARGE,
                detail=f"{exc} Send less at a time.",
                members={"limit_bytes": exc.limit_bytes},
            )
        case StorageFullError():
            logger.error("storage full", extra={"action": "storage_full"})
            return Problem(
                kind=problem_types.STORAGE_FULL,
                detail="There is no space left to store it, and nothing of it was kept. Send it"
                " again later.",
            )
        case ServiceUnavailableError():
            return _of_unavailable(exc)
        case _:
            return Problem(
                kind=problem_types.INTERNAL_ERROR,
                detail="Something went wrong on our side. Send it again later with the same"
                " Idempotency-Key; nothing is taken twice.",
            )


def _of_routing(exc: HTTPException) -> Problem:
    headers = dict(exc.headers or {})
    if "Allow" in headers:
        return Problem(
            kind=problem_types.METHOD_NOT_ALLOWED,
            detail=f"This method is not possible here; {headers['Allow']} is.",
            headers=headers,
        )
    return Problem(
        kind=problem_types.NOT_FOUND,
        detail="There is nothing at this address. GET /openapi.yaml lists what there is.",
    )


def _of_unavailable(exc: ServiceUnavailableError) -> Problem:
    facts = {"action": "service_unavailable", "service": exc.service, "reason": str(exc)}
    logger.warning("service unavailable", extra=facts)
    retry_after_s = _RETRY_AFTER_S if exc.retry_after_s is None else exc.retry_after_s
    return Problem(
        kind=problem_types.UNAVAILABLE,
        detail="A service that we need is not available just now. Send it again after Retry-After"
        " with the same Idempotency-Key.",
        headers={"Retry-After": str(max(1, math.ceil(retry_after_s)))},
    )
