"""What the Azure SDKs raise, as errors of ours.

Only what a retry may cure is translated, and that includes a right that we lack: a person may grant
it while we go on. What is our own mistake stays as it came and fails loudly.
"""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.errors import (
    AccessRefusedError,
    IngestError,
    ServiceUnavailableError,
    StorageFullError,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from azure.core.exceptions import AzureError, HttpResponseError
    from azure.core.pipeline import PipelineResponse

ROLES = "our identity needs the roles that docs/azure.md names"
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_FULL = frozenset({"BlockCountExceedsLimit"})  # of both the committed and the uncommitted blocks
_DAMAGED = frozenset({"Md5Mismatch"})
# 409 and 412 that pass by themselves: a copy goes on, a thing is on its way out, a client of ours
# keeps a lease on what it has uploaded.
_BUSY = frozenset(
    {"PendingCopyOperation", "ContainerBeingDeleted", "TableBeingDeleted", "LeaseIdMissing"}
)


class RefusedError(IngestError):
    """Azure has understood what was asked, and does not do it."""

    def __init__(self, answer: str) -> None:
        super().__init__(
            f"Azure refuses what was asked ({answer}). Sign in (`az login`) as somebody who has the"
            " roles that docs/azure.md names."
        )
        self.answer = answer


@contextmanager
def azure_errors_translated(service: str) -> Generator[None]:
    """Turn silence, 408, 429, 5xx, conflicts that pass and answers that cannot be read into
    ServiceUnavailableError, 401 and 403 into AccessRefusedError, which is one too, and a full store
    into StorageFullError.
    """
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as exc:
        translated = _translated(exc, service)
        if translated is None:
            raise
        raise translated from exc


@contextmanager
def refusals_said() -> Generator[None]:
    """Say to a person, who can do something about it, what a server would wait out or fail loudly
    of. Raises RefusedError.
    """
    from azure.core.exceptions import AzureError

    try:
        yield
    except AccessRefusedError as exc:
        raise RefusedError(exc.answer) from exc
    except AzureError as exc:
        status = getattr(exc, "status_code", None)
        answer = _answer(status, exc) if status else type(exc).__name__
        raise RefusedError(answer) from exc


def refuse_strangers(response: PipelineResponse[Any, Any]) -> None:
    """A `raw_response_hook`: what bears no request ID was not written by Azure, but by something in
    between, whose 404 must not be taken for the absence of a thing. Raises ServiceResponseError.
    """
    from azure.core.exceptions import ServiceResponseError

    answer = response.http_response
    status = answer.status_code
    says_something = status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _PASSING
    if says_something and "x-ms-request-id" not in answer.headers:
        raise ServiceResponseError("the answer bears no x-ms-request-id")


def error_code(exc: AzureError) -> str:
    """The service's own word for what is wrong, such as ``ContainerNotFound``; empty: it gave none.

    The SDKs give it as text, as a member of one of their enumerations, or in what they have read
    of the body (OData's `error`).
    """
    code = getattr(exc, "error_code", None) or getattr(getattr(exc, "error", None), "code", None)
    code = code or ""
    return str(getattr(code, "value", code))


def retry_after_s(exc: HttpResponseError) -> float | None:
    """When the service wants to be asked again, if it said so in seconds (RFC 9110 10.2.3)."""
    headers: Mapping[str, str] = getattr(exc.response, "headers", {})
    try:
        return max(0.0, float(headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _translated(exc: AzureError, service: str) -> IngestError | None:
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ServiceRequestError,
        ServiceResponseError,
    )

    if isinstance(exc, ServiceRequestError | ServiceResponseError):
        return ServiceUnavailableError(service, "no answer of it came through")
    if isinstance(exc, ClientAuthenticationError) and exc.response is None:
        problem = "no token for it is to be had (on a machine of your own, `az login` gets one)"
        return ServiceUnavailableError(service, problem)
    if isinstance(exc, HttpResponseError):
        return _answered(exc, service) or _refused(exc, service)
    return None


def _answered(exc: HttpResponseError, service: str) -> IngestError | None:
    status, code = exc.status_code, error_code(exc)
    if status is None or status < HTTPStatus.BAD_REQUEST:  # cut short, or no answer of the service
        return ServiceUnavailableError(service, "its answer cannot be read")
    if status == HTTPStatus.INSUFFICIENT_STORAGE or code in _FULL:
        return StorageFullError(service)
    if code in _DAMAGED:
        return ServiceUnavailableError(service, "a request was damaged on its way")
    if code in _BUSY:
        return ServiceUnavailableError(service, f"something else goes on ({code})")
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServiceUnavailableError(service, f"it answered {status}", retry_after_s(exc))
    return None


def _refused(exc: HttpResponseError, service: str) -> IngestError | None:
    """Also what Entra ID answers, instead of a token, to an identity that it does not know."""
    from azure.core.exceptions import ClientAuthenticationError

    if exc.status_code not in _REFUSED and not isinstance(exc, ClientAuthenticationError):
        return None
    return AccessRefusedError(service, _answer(exc.status_code, exc), ROLES)


def _answer(status: int | None, exc: AzureError) -> str:
    return f"{status} {error_code(exc)}".strip()
