"""Delivers a webhook once, as Standard Webhooks asks: signed, without redirects, in bounded time.

What the answer means (specification, "Delivery success and failure"): 2xx is success; 410 says that
the receiver wants no more, for good; everything else, 404 and redirects too, is a failure that may
pass and is tried again by the schedule. Retry-After is handed on. Not here: the schedule.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from adapters.web.address_guard import Refusal
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
_LOOK_UPS_AT_ONCE = 4  # threads of our own, so that a dead name server holds up nobody else


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
        """`timeout_s` is for a whole call; the specification advises 15 to 30 seconds."""
        self._guard = guard
        self._signer = signer
        self._clock = clock
        self._timeout_s = timeout_s
        self._names = ThreadPoolExecutor(_LOOK_UPS_AT_ONCE, thread_name_prefix="webhook-names")
        self._tls = tls

    async def send(self, url: str, *, webhook_id: str, body: bytes) -> ReplyReceipt:
        """Try once; `body` is JSON. Never raises for what the receiver or the network does."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                vetted = await loop.run_in_executor(self._names, self._vet, url)
                if isinstance(vetted, Refusal):
                    return _refused(vetted.sentence)
                return await self._call(vetted, webhook_id, body)
        except (TimeoutError, httpx.TimeoutException):
            return _unavailable("The receiver did not answer in time.")
        except httpx.HTTPError as exc:
            return _unavailable(f"The receiver could not be reached ({_what_failed(exc)}).")
        except ServiceUnavailableError:
            return _unavailable("The receiver's name could not be looked up.")

    def close(self) -> None:
        """Let go of the threads that look names up."""
        self._names.shutdown(wait=False, cancel_futures=True)

    def _vet(self, url: str) -> Target | Refusal:
        """The blocking part. Certificates are read at the first call: most programs make none."""
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._guard.vet(url)

    async def _call(self, target: Target, webhook_id: str, body: bytes) -> ReplyReceipt:
        # A client per call: a pool would find a connection by its address, and so use one whose
        # certificate was checked for another name. No proxy: it would look the name up again.
        timeout = httpx.Timeout(self._timeout_s, connect=_CONNECT_S)
        async with httpx.AsyncClient(
            verify=self._tls or True, timeout=timeout, follow_redirects=False, trust_env=False
        ) as client:
            *spare, last = target.addresses
            for address in spare:
                try:
                    return await self._post(client, target, address, webhook_id, body)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    continue  # nothing was sent: another address is the same attempt
            return await self._post(client, target, last, webhook_id, body)

    async def _post(
        self, client: httpx.AsyncClient, target: Target, address: str, webhook_id: str, body: bytes
    ) -> ReplyReceipt:
        timestamp = int(self._clock.now().timestamp())
        # A full stop separates what is signed, so the ID must hold none (specification).
        headers = self._signer.headers(webhook_id.replace(".", "_"), timestamp, body) | {
            "content-type": "application/json",
            "host": target.url.netloc.decode("ascii"),
            "user-agent": "mail-ingest",
        }
        async with client.stream(
            "POST",
            target.url.copy_with(host=address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": target.host},
        ) as response:
            return self._receipt(response)  # its body tells nothing, and could be endless

    def _receipt(self, response: httpx.Response) -> ReplyReceipt:
        status, now = response.status_code, self._clock.now()
        if response.is_success:
            return ReplyReceipt(state=ReplyState.SENT, at=rfc3339(now))
        if status == HTTPStatus.GONE:
            return _refused("The receiver wants no more webhooks (410 Gone).")
        if response.is_redirect:
            return _unavailable(f"The receiver redirects ({status}); give the URL that it means.")
        return _unavailable(
            f"The receiver answered with status {status}.",
            retry_after_s(response.headers.get("retry-after", ""), now),
        )


def _what_failed(exc: httpx.HTTPError) -> str:
    """A word for what went wrong; only the text of the TLS library tells a bad certificate."""
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return "its certificate is not valid for its name, or nobody vouches for it"
    return type(exc).__name__


def _refused(sentence: str) -> ReplyReceipt:
    return ReplyReceipt(state=ReplyState.REFUSED, reason=sentence)


def _unavailable(sentence: str, retry_after_s: float | None = None) -> ReplyReceipt:
    return ReplyReceipt(state=ReplyState.UNAVAILABLE, reason=sentence, retry_after_s=retry_after_s)
