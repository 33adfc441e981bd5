"""Moves the media in and the results out of a job, by https or as local files."""

from __future__ import annotations

import ipaddress
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from shared.errors import IngestError

_TIMEOUT_S = 60.0
_CHUNK = 1024 * 1024


class TransferError(IngestError):
    """Something could not be fetched or delivered; trying again may help."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Fetches and delivers. Plain http is taken to this machine only."""

    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            timeout=_TIMEOUT_S, transport=httpx.HTTPTransport(retries=2)
        )
    )

    def download(self, url: str, path: Path) -> None:
        """Fetch a URL into a file, as a stream. Raises TransferError."""
        source = _local_path(url)
        try:
            if source is not None:
                shutil.copyfile(source, path)
                return
            with self.client.stream("GET", url) as response, path.open("wb") as file:
                response.raise_for_status()
                for chunk in response.iter_bytes(_CHUNK):
                    file.write(chunk)
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
            self.client.put(url, content=content, headers=headers).raise_for_status()
        except (httpx.HTTPError, OSError) as exc:
            raise TransferError(f"A result cannot be delivered ({type(exc).__name__}).") from exc

    def post(self, url: str, content: bytes, headers: dict[str, str]) -> None:
        """Send a CloudEvent in structured JSON. Raises TransferError."""
        _local_path(url)
        types = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        try:
            self.client.post(url, content=content, headers=types | headers).raise_for_status()
        except httpx.HTTPError as exc:
            raise TransferError(f"The event cannot be sent ({type(exc).__name__}).") from exc


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
