"""Moves the media in and the results out of a job, by https or as local files.

What breaks off, or meets a service that is busy, is tried again here: otherwise a whole container
would be started once more for it.
"""

from __future__ import annotations

import ipaddress
import shutil
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import httpx

from describer.resumed import ResumedDownload
from shared.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT_S = 60.0
_PAUSES_S = (1.0, 5.0, 25.0)
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class TransferError(IngestError):
    """Something could not be fetched or delivered; trying again may help."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Fetches and delivers. Plain http is taken to this machine only. `pauses_s` are those before
    the further attempts.
    """

    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            timeout=_TIMEOUT_S, transport=httpx.HTTPTransport(retries=2)
        )
    )
    pauses_s: tuple[float, ...] = _PAUSES_S

    def download(self, url: str, path: Path) -> None:
        """Fetch a URL into a file, as a stream. Raises TransferError."""
        source = _local_path(url)
        try:
            if source is not None:
                shutil.copyfile(source, path)
                return
            with path.open("wb") as file:
                download = ResumedDownload(client=self.client, url=url, file=file)
                self._patiently(download.attempt)
        except (httpx.HTTPError, OSError) as exc:
            raise TransferError(f"The media cannot be fetched ({type(exc).__name__}).") from exc

    def put(self, url: str, content: bytes, media_type: str) -> None:
        """Deliver a result, replacing an older one. Raises TransferError."""
        target = _local_path(url)
        try:
            if target is not None:
                half = target.with_name(target.name + ".part")
                half.write_bytes(content)
                half.replace(target)
                return
            headers = {"Content-Type": media_type, "x-ms-blob-type": "BlockBlob"}
            self._patiently(
                lambda: self.client.put(url, content=content, headers=headers).raise_for_status()
            )
        except (httpx.HTTPError, OSError) as exc:
            raise TransferError(f"A result cannot be delivered ({type(exc).__name__}).") from exc

    def post(self, url: str, content: bytes, headers: dict[str, str]) -> None:
        """Send a CloudEvent in structured JSON, once: where it fails, the report tells. Raises
        TransferError.
        """
        _local_path(url)
        types = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        try:
            self.client.post(url, content=content, headers=types | headers).raise_for_status()
        except httpx.HTTPError as exc:
            raise TransferError(f"The event cannot be sent ({type(exc).__name__}).") from exc

    def _patiently(self, attempt: Callable[[], object]) -> None:
        """Do it, once more after each pause while the fault may pass. Raises httpx.HTTPError."""
        for pause_s in self.pauses_s:
            try:
                attempt()
            except httpx.HTTPError as exc:
                if not _may_pass(exc):
                    raise
            else:
                return
            time.sleep(pause_s)
        attempt()


def _may_pass(exc: httpx.HTTPError) -> bool:
    if isinstance(exc, httpx.HTTPStatusError):
        return exc.response.is_server_error or exc.response.status_code in _PASSING
    return isinstance(exc, httpx.TransportError)


def _local_path(url: str) -> Path | None:
    """The path of a file URL; None of a URL that may be called. Raises TransferError."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return None
    raise TransferError("The URLs of a job must begin with https:// or file://.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
