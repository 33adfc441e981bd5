"""One HTTP request to a description service and its whole answer, within limits.

Redirects are not followed: a redirected service is a new address for the operator to set, and it
must not get the key on its own word.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, Protocol

import httpx

from describer.providers.base import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from describer.settings import ThirdPartySettings

_LONGEST_PAUSE_S = 86_400.0
_OUR_SETTINGS = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def retry_after_s(self) -> float | None:
        """Retry-After (RFC 9110 section 10.2.3): seconds, or a time minus the answer's Date."""
        text = self.headers.get("retry-after", "").strip()
        seconds = float(text) if text.isascii() and text.isdigit() else self._seconds_until(text)
        return None if seconds is None else min(max(seconds, 0.0), _LONGEST_PAUSE_S)

    def _seconds_until(self, text: str) -> float | None:
        try:
            then = parsedate_to_datetime(text)
            now = parsedate_to_datetime(self.headers.get("date", ""))
            return (then - now).total_seconds()
        except (TypeError, ValueError):
            return None

    def outage(self) -> Unavailable | None:
        """Why this is no answer, when a later try may give one."""
        if self.status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        reason = f"The description service answered with status {self.status}."
        if self.status < HTTPStatus.BAD_REQUEST:
            reason = "The description service has moved: set its new URL."
        elif self.status in _OUR_SETTINGS:
            reason = f"The description service refused our key (status {self.status})."
        return Unavailable(reason=reason, retry_after_s=self.retry_after_s)


class AnyService(Protocol):
    """The service of the settings, asked by ourselves or by our parent."""

    def own_url(self, text: object) -> httpx.URL | None:
        """A URL that the service named, whole or relative, if it is on its own host and port."""
        ...

    def post(self, content: bytes | BinaryIO, headers: Mapping[str, str]) -> Answer | Unavailable:
        """Send a body to the service's URL."""
        ...

    def get(self, url: httpx.URL) -> Answer | Unavailable:
        """Fetch a URL that `own_url` allowed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service of the settings. It has one host; the key goes nowhere else."""

    client: httpx.Client
    origin: httpx.URL
    timeout_s: float
    max_answer_bytes: int

    @classmethod
    def connect(cls, settings: ThirdPartySettings, headers: Mapping[str, str]) -> Service:
        """A service whose every request carries the headers. Nothing is sent yet."""
        return cls(
            client=httpx.Client(
                timeout=settings.timeout_s, follow_redirects=False, headers=dict(headers)
            ),
            origin=httpx.URL(settings.url),
            timeout_s=settings.timeout_s,
            max_answer_bytes=settings.max_answer_bytes,
        )

    def own_url(self, text: object) -> httpx.URL | None:
        """A URL that the service named, whole or relative, if it is on its own host and port."""
        return own_url(self.origin, text)

    def post(
        self, content: bytes | BinaryIO | Iterator[bytes], headers: Mapping[str, str]
    ) -> Answer | Unavailable:
        """Send a body to the service's URL."""
        request = self.client.build_request(
            "POST", self.origin, content=content, headers=dict(headers)
        )
        return self._exchange(request)

    def get(self, url: httpx.URL) -> Answer | Unavailable:
        """Fetch a URL that `own_url` allowed."""
        return self._exchange(self.client.build_request("GET", url))

    def _exchange(self, request: httpx.Request) -> Answer | Unavailable:
        try:
            response = self.client.send(request, stream=True)
            try:
                body = self._read(response)
            finally:
                response.close()
        except httpx.TimeoutException:
            return Unavailable(reason="The description service is too slow.")
        except httpx.TransportError:
            return Unavailable(reason="The description service cannot be reached.")
        if isinstance(body, Unavailable):
            return body
        return Answer(status=response.status_code, headers=response.headers, body=body)

    def _read(self, response: httpx.Response) -> bytes | Unavailable:
        """The body, however it trickles: neither too large nor too slow as a whole."""
        until = time.monotonic() + self.timeout_s
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self.max_answer_bytes:
                return Unavailable(reason="The answer of the description service is too large.")
            if time.monotonic() > until:
                return Unavailable(reason="The description service is too slow.")
        return bytes(body)


def own_url(origin: httpx.URL, text: object) -> httpx.URL | None:
    """A URL, whole or relative, if it is on the host and port of a service."""
    if not isinstance(text, str) or not text:
        return None
    try:
        url = origin.join(text)
    except httpx.InvalidURL:
        return None
    ours = (origin.scheme, origin.host, origin.port)
    return url if (url.scheme, url.host, url.port) == ours else None
