"""Calls Microsoft Graph through msgraph-sdk the lean way: its request builders, its authentication
and its HTTP pipeline, but plain JSON and plain streams.

The SDK's models cost seconds of imports and a fifth of a second per hundred messages, its buffered
download holds whole mails. It never retries here: a retried POST sends a second mail. Whoever calls
knows what may be done again, and waits without holding one of the few calls that Graph allows at a
time. One client belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import httpx
import msgspec

from adapters.azure.graph_errors import (
    GraphCutError,
    GraphRefusedError,
    UnexpectedContentError,
)
from adapters.web.retry_after import retry_after_s
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    from azure.core.credentials_async import AsyncTokenCredential
    from kiota_abstractions.request_information import RequestInformation
    from msgraph.graph_request_adapter import GraphRequestAdapter

    from shared.model import JsonObject

SERVICE = "Microsoft Graph"
_TIMEOUT = httpx.Timeout(100.0, connect=15.0)
_MOST_ERROR_BYTES = 64 * 1024
_PASSING = frozenset({401, 403, 408, 429, 502, 503, 504})  # rights too: a person can grant them
_PASSING_OR_BROKEN = _PASSING | frozenset(range(500, 600))
# Of content a 403 is the mail's own: what is refused for all is met before, when it is claimed.
_PASSING_FOR_CONTENT = _PASSING - {403}
_NO_CONTENT_TYPES = frozenset({"text/html", "application/json", "application/xml", "text/xml"})
_LONGEST_PAUSE_S = 1800.0  # Graph's throttles last minutes; a date in another century is a mistake


class GraphClient:
    """One Graph for one program. `api` has the SDK's request builders."""

    def __init__(
        self,
        adapter: GraphRequestAdapter,
        http: httpx.AsyncClient,
        connections: httpx.AsyncHTTPTransport,
        *,
        max_calls: int,
    ) -> None:
        from msgraph.graph_service_client import GraphServiceClient

        self.api = GraphServiceClient(request_adapter=adapter)
        self._adapter = adapter
        self._http = http
        self._connections = connections
        self._slots = asyncio.Semaphore(max_calls)
        self._not_before = 0.0  # on the event loop's clock

    @classmethod
    def open(
        cls,
        credential: AsyncTokenCredential,
        *,
        url: str,
        max_calls: int = 4,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """A client of the Graph at `url`; nothing is called yet. `tls` replaces the trusted
        certificates, which take a twentieth of a second to read.
        """
        from kiota_authentication_azure.azure_identity_authentication_provider import (
            AzureIdentityAuthenticationProvider,
        )
        from msgraph.graph_request_adapter import GraphRequestAdapter

        place = urlsplit(url)
        authentication = AzureIdentityAuthenticationProvider(
            credential,
            scopes=[f"{place.scheme}://{place.netloc}/.default"],
            allowed_hosts=[place.hostname or ""],
            is_cae_enabled=False,  # a challenge to a token could not be answered here
        )
        connections = httpx.AsyncHTTPTransport(
            verify=tls or httpx.create_ssl_context(),
            limits=httpx.Limits(max_connections=max_calls),
        )
        http = _pipeline(connections)
        adapter = GraphRequestAdapter(authentication, http)
        adapter.base_url = url
        return cls(adapter, http, connections, max_calls=max_calls)

    async def close(self) -> None:
        """Let go of the connections; the SDK's pipeline does not close what it wraps."""
        await self._http.aclose()
        await self._connections.aclose()

    async def json(self, request: RequestInformation) -> JsonObject:
        """The answer's JSON; empty when there is none.

        Raises GraphRefusedError for a refusal, ServiceUnavailableError for what may pass.
        """
        async with self._answer(request, passing=_PASSING_OR_BROKEN) as response:
            try:
                content = await response.aread()
                return msgspec.json.decode(content, type=dict[str, Any]) if content else {}
            except (httpx.HTTPError, msgspec.DecodeError) as exc:
                raise ServiceUnavailableError(SERVICE, "its answer was cut") from exc

    async def stream(
        self, request: RequestInformation, *, declared_type: str = ""
    ) -> AsyncGenerator[bytes]:
        """The answer's body as it comes; `declared_type` is what the content calls itself.

        Raises GraphCutError when it ends too early, UnexpectedContentError when it is something
        else, and what `json` raises; but 403 and 500 are refusals: of this content, which Exchange
        may never give.
        """
        async with self._answer(request, passing=_PASSING_FOR_CONTENT) as response:
            _check_is_content(response, declared_type)
            try:
                async for chunk in response.aiter_bytes():
                    yield chunk
            except httpx.HTTPError as exc:
                raise GraphCutError(type(exc).__name__) from exc

    async def upload(self, url: str, content: bytes, *, content_range: str) -> None:
        """Put a range of bytes to a URL that Graph just gave for it; without our token, because the
        URL has its own. Raises GraphRefusedError and ServiceUnavailableError.
        """
        if urlsplit(url).scheme != urlsplit(self._adapter.base_url).scheme:
            raise GraphRefusedError(400, "an upload URL of another scheme")
        made = self._http.build_request(
            "PUT", url, content=content, headers={"Content-Range": content_range}
        )
        async with self._slots:
            try:
                response = await self._http.send(made)
            except httpx.HTTPError as exc:
                raise ServiceUnavailableError(SERVICE, type(exc).__name__) from exc
            if not response.is_success:
                raise await self._refusal(response, _PASSING_OR_BROKEN)

    def is_ours(self, link: str) -> bool:
        """Whether a link leads to this Graph: nobody else gets our token."""
        try:
            place, own = urlsplit(link), urlsplit(self._adapter.base_url)
        except ValueError:
            return False
        return (place.scheme, place.netloc.lower()) == (own.scheme, own.netloc.lower())

    @asynccontextmanager
    async def _answer(
        self, request: RequestInformation, *, passing: frozenset[int]
    ) -> AsyncGenerator[httpx.Response]:
        self._refuse_while_throttled()
        async with self._slots:
            self._refuse_while_throttled()
            response = await self._send(request)
            try:
                if not response.is_success:
                    raise await self._refusal(response, passing)
                yield response
            finally:
                await response.aclose()

    async def _send(self, request: RequestInformation) -> httpx.Response:
        from azure.core.exceptions import AzureError

        self._adapter.set_base_url_for_request_information(request)
        request.url = request.url  # else the SDK expands its template four times
        try:
            native = await self._adapter.convert_to_native_async(request)
            return await self._http.send(native, stream=True)
        except httpx.HTTPError as exc:
            raise ServiceUnavailableError(SERVICE, type(exc).__name__) from exc
        except AzureError as exc:
            raise ServiceUnavailableError("Microsoft Entra ID", type(exc).__name__) from exc

    async def _refusal(
        self, response: httpx.Response, passing: frozenset[int]
    ) -> ServiceUnavailableError | GraphRefusedError:
        code = _code(await _some_of(response))
        wait_s = retry_after_s(response.headers.get("retry-after", ""), datetime.now(UTC))
        if wait_s is not None:
            wait_s = min(wait_s, _LONGEST_PAUSE_S)
            self._not_before = max(self._not_before, _loop_time() + wait_s)
        if response.status_code in passing:
            return ServiceUnavailableError(SERVICE, f"{response.status_code} {code}", wait_s)
        return GraphRefusedError(response.status_code, code)

    def _refuse_while_throttled(self) -> None:
        left_s = self._not_before - _loop_time()
        if left_s > 0:
            raise ServiceUnavailableError(SERVICE, "it asked us to wait", left_s)


def _pipeline(connections: httpx.AsyncHTTPTransport) -> httpx.AsyncClient:
    """A client whose calls pass the SDK's handlers, of which two are off: the one that retries, and
    the one that follows redirects, which Graph's mail has none of: an answer stays on its host.
    """
    from kiota_abstractions.request_option import RequestOption
    from kiota_http.middleware.options import RedirectHandlerOption, RetryHandlerOption
    from msgraph_core.graph_client_factory import (  # pyright: ignore[reportMissingTypeStubs]
        GraphClientFactory,
    )

    client = httpx.AsyncClient(
        timeout=_TIMEOUT,
        transport=connections,
        headers={"Accept-Encoding": "identity"},  # a packed photo is no smaller, only slower
    )
    never: dict[str, RequestOption] = {
        RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0),
        RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
    }
    return GraphClientFactory.create_with_default_middleware(client=client, options=never)


def _check_is_content(response: httpx.Response, declared_type: str) -> None:
    """Gateways answer 200 with pages of their own, and nobody asked for a part (206)."""
    if response.status_code != HTTPStatus.OK:
        raise UnexpectedContentError(f"status {response.status_code}")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _NO_CONTENT_TYPES and media_type != declared_type.lower():
        raise UnexpectedContentError(media_type)


async def _some_of(response: httpx.Response) -> bytes:
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _MOST_ERROR_BYTES:
                break
    except httpx.HTTPError:
        pass  # the status says enough
    return bytes(body)


def _code(body: bytes) -> str:
    """Graph's word for an error, or nothing."""
    try:
        return str(msgspec.json.decode(body)["error"]["code"])[:100]
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
