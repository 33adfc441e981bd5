"""The actions that call somebody: Http, and ApiConnection, which is Http through a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from tests.logicapp.wdl.content import as_text, from_body, to_body
from tests.logicapp.wdl.expressions import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MESSAGE_LIMIT = 104_857_600  # bytes; documented for Consumption, each way
_DEFAULT_RETRIES = 4
_OUTBOUND_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an action ended. `code` is a status of HTTP or a word, `outputs` what came back."""

    status: str
    code: str = ""
    outputs: Any = None
    reason: str = ""


class Exchange(NamedTuple):
    """One request that went out, and the status that came back; 0 when none did."""

    method: str
    url: str
    status: int


@dataclass(slots=True, kw_only=True)
class HttpCalls:
    """Sends requests. `identity` gives the header fields by which a managed identity is known to an
    audience. `limit` is the largest body.
    """

    client: httpx.AsyncClient
    identity: Callable[[str], Mapping[str, str]]
    limit: int = MESSAGE_LIMIT
    exchanges: list[Exchange] = field(default_factory=list[Exchange])

    async def perform(self, inputs: Mapping[str, Any], *, asynchronous: bool) -> Result:
        """Send what resolved inputs say, with retries. `asynchronous`: a 202 with a Location is
        followed until there is another answer.
        """
        content, content_type = to_body(inputs.get("body"))
        if content and len(content) > self.limit:
            return Result(status="Failed", code="ActionRequestSizeExceeded")
        request = self._request(inputs, content, content_type)
        response = await self._with_retries(request, _retries(inputs))
        while asynchronous and (location := _pending(response)):
            polled = self.client.build_request("GET", location)
            response = await self._with_retries(polled, _DEFAULT_RETRIES)
        return self._result(response)

    def _request(
        self, inputs: Mapping[str, Any], content: bytes | None, content_type: str
    ) -> httpx.Request:
        headers = {"Content-Type": content_type} if content_type else {}
        headers |= {name: as_text(value) for name, value in inputs.get("headers", {}).items()}
        for name, value in headers.items():
            if not value.isascii() or not value.isprintable():
                raise WorkflowError(f"the header field {name} cannot carry its value")
        if authentication := inputs.get("authentication"):
            headers |= self.identity(authentication["audience"])
        queries = {name: as_text(value) for name, value in inputs.get("queries", {}).items()}
        url = httpx.URL(inputs["uri"], params=queries) if queries else httpx.URL(inputs["uri"])
        return self.client.build_request(
            inputs["method"].upper(), url, headers=headers, content=content, timeout=_OUTBOUND_S
        )

    async def _with_retries(self, request: httpx.Request, retries: int) -> httpx.Response | None:
        response = None
        for _ in range(retries + 1):
            response = await self._send(request)
            if response is not None and not _is_passing(response.status_code):
                break
        return response

    async def _send(self, request: httpx.Request) -> httpx.Response | None:
        try:
            response = await self.client.send(request)
        except httpx.TransportError:
            response = None
        status = response.status_code if response is not None else 0
        self.exchanges.append(Exchange(request.method, str(request.url), status))
        return response

    def _result(self, response: httpx.Response | None) -> Result:
        if response is None:
            return Result(status="Failed", code="ServiceUnavailable")
        if len(response.content) > self.limit:
            return Result(status="Failed", code="ActionResponseSizeExceeded")
        body = from_body(response.content, response.headers.get("content-type", ""))
        outputs = {
            "statusCode": response.status_code,
            "headers": dict(response.headers),
            "body": body,
        }
        status = "Succeeded" if response.is_success else "Failed"
        return Result(status=status, code=str(response.status_code), outputs=outputs)


def _retries(inputs: Mapping[str, Any]) -> int:
    policy = inputs.get("retryPolicy", {})
    return int(policy.get("count", _DEFAULT_RETRIES))


def _is_passing(status: int) -> bool:
    return status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or status >= 500


def _pending(response: httpx.Response | None) -> str:
    """Where an asynchronous operation tells how far it is, if this answer begins one."""
    if response is None or response.status_code != HTTPStatus.ACCEPTED:
        return ""
    return response.headers.get("location", "")
