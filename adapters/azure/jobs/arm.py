"""What every call to Azure Resource Manager has in common: its errors as ours, and our patience."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from adapters.azure.errors import azure_errors_translated, retry_after_s
from adapters.azure.jobs.platform import JobRefusedError
from shared.errors import AccessRefusedError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Generator

    from azure.core.exceptions import HttpResponseError

# A quota is waited for by the jobs, durably, not by a call that holds its process.
PATIENCE: dict[str, Any] = {
    "retry_status": 0,
    "retry_total": 2,
    "retry_backoff_factor": 0.5,
    "connection_timeout": 10,
    "read_timeout": 30,
}
AND_NOT_WAITED: dict[str, Any] = {**PATIENCE, "polling": False}  # for long-running operations


@contextmanager
def arm_errors(service: str) -> Generator[None]:
    """Turn what a later try may cure (silence, 409, 429, 5xx) into ServiceUnavailableError, and any
    other refusal into JobRefusedError, also that of a right: a person must see it.
    """
    from azure.core.exceptions import HttpResponseError

    try:
        with azure_errors_translated(service):
            yield
    except AccessRefusedError as exc:
        raise JobRefusedError(service, exc.answer) from exc
    except HttpResponseError as exc:
        code = _code(exc)
        if exc.status_code == HTTPStatus.CONFLICT:
            raise ServiceUnavailableError(service, code, retry_after_s(exc)) from exc
        raise JobRefusedError(service, code) from exc


def is_missing(exc: HttpResponseError) -> bool:
    """Whether the thing itself is not there; a group or a subscription that is not is our fault."""
    return exc.status_code == HTTPStatus.NOT_FOUND and _code(exc) == "ResourceNotFound"


def _code(exc: HttpResponseError) -> str:
    """ARM's word for what is wrong."""
    return str(getattr(exc.error, "code", None) or exc.status_code)
