"""Delivers a webhook once, as Standard Webhooks asks: signed, without redirects, in bounded time.

What the answer means (specification, "Delivery success and failure"): 2xx is success; 410 says that
the receiver wants no more, for good; everything else, 404 and redirects too, is a failure that may
pass and is tried again by the schedule. Retry-After is handed on. Not here: the schedule.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpcore
import httpx

from adapters.web.address_guard import Refusal
from adapters.web.bounded_connection import BoundedBackend, EndlessHeadError
from adapters.web.retry_after import retry_after_s
from shared.errors import ServiceUnavailableError
from shared.events import rfc3339
from shared.ports import ReplyReceipt, ReplyState

if TYPE_CHECKING:
    import ssl

    from adapters.web.address_guard import AddressGuard, Target
    from adapters.web.signing import Signer
    from shared.ports import Clock

_CONNECT_S = 5.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class WebhookSender:
    """Sends webhooks to vetted addresses only. `tls` replaces the trusted certificates."""

    def __init__(
        self,
        guard: AddressGuard,
        signer: Signer,
        *,
        clock: Clock,
        timeout_s: float = 20.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout_s` is for a whole call, from its connection on; the specification advises 15 to
        30 seconds.
        """
        self._guard = guard
        self._signer = signer
        self._clock = clock
        self._timeout_s = timeout_s
        self._tls = tls

    async def send(
        self, url: str, *, webhook_id: str, body: bytes, owner: str = ""
    ) -> ReplyReceipt:
        """Try once; `body` is JSON. Never raises for what the receiver or the network does. `owner`
        is the client that named the URL: its look-ups do not hold up those of others.
        """
        try:
            vetted = await self._guard.vet(url, owner)  # before the clock of the call runs
            if isinstance(vetted, Refusal):
                return _refused(vetted.sentence)
            tls = await self._tls_context()
            async with asyncio.timeout(self._timeout_s):
                return await self._call(vetted, webhook_id, body, tls)
        except (TimeoutError, httpcore.TimeoutException):
            return _unavailable("The receiver did not answer in time.")
        except (httpcore.NetworkError, httpcore.ProtocolError) as exc:
            return _unavailable(f"The receiver could not be reached ({_what_failed(exc)}).")
        except ServiceUnavailableError:
            return _unavailable("The receiver's name could not be looked up.")

    async def _tls_context(self) -> ssl.SSLContext:
        """Certificates are read at the first call: most programs make none."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        return self._tls

    async def _call(
        self, target: Target, webhook_id: str, body: bytes, tls: ssl.SSLContext
    ) -> ReplyReceipt:
        # A pool per call: one for all would find a connection by its address, and so use one whose
        # certificate was checked for another name. No proxy: it would look the name up again.
        async with httpcore.AsyncConnectionPool(tls, network_backend=BoundedBackend()) as pool:
            *spare, last = target.addresses
            for address in spare:
                try:
                    return await self._post(pool, target, address, webhook_id, body)
                except (httpcore.ConnectError, httpcore.ConnectTimeout):
                    continue  # nothing was sent: another address is the same attempt
            return await self._post(pool, target, last, webhook_id, body)

    async def _post(
        self,
        pool: httpcore.AsyncConnectionPool,
        target: Target,
        address: str,
        webhook_id: str,
        body: bytes,
    ) -> ReplyReceipt:
        timestamp = int(self._clock.now().timestamp())
        # A full stop separates what is signed, so the ID must hold none (specification).
        headers = self._signer.headers(webhook_id.replace(".", "_"), timestamp, body) | {
            "host": target.url.netloc.decode("ascii"),
            "accept": "*/*",
            "connection": "close",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": "mail-ingest",
        }
        async with pool.stream(
            "POST",
            httpcore.URL(
                scheme=target.url.raw_scheme,
                host=address,
                port=target.port,
                target=target.url.raw_path,
            ),
            headers=list(headers.items()),
            content=body,
            extensions={"sni_hostname": target.host, "timeout": {"connect": _CONNECT_S}},
        ) as response:
            return self._receipt(response)  # its body tells nothing, and could be endless

    def _receipt(self, response: httpcore.Response) -> ReplyReceipt:
        status, now = response.status, self._clock.now()
        headers = httpx.Headers(response.headers)
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return ReplyReceipt(state=ReplyState.SENT, at=rfc3339(now))
        if status == HTTPStatus.GONE:
            return _refused("The receiver wants no more webhooks (410 Gone).")
        if status in _REDIRECTS and "location" in headers:
            return _unavailable(f"The receiver redirects ({status}); give the URL that it means.")
        return _unavailable(
            f"The receiver answered with status {status}.",
            retry_after_s(headers.get("retry-after", ""), now),
        )


def _what_failed(exc: httpcore.NetworkError | httpcore.ProtocolError) -> str:
    """A word for what went wrong; only the text of the TLS library tells a bad certificate."""
    if isinstance(exc, EndlessHeadError):
        return "its answer has no end to its header fields"
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return "its certificate is not valid for its name, or nobody vouches for it"
    return type(exc).__name__


def _refused(sentence: str) -> ReplyReceipt:
    return ReplyReceipt(state=ReplyState.REFUSED, reason=sentence)


def _unavailable(sentence: str, retry_after_s: float | None = None) -> ReplyReceipt:
    return ReplyReceipt(state=ReplyState.UNAVAILABLE, reason=sentence, retry_after_s=retry_after_s)
