"""A download that goes on where it broke off: of the same version of a file, or from its start."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import httpx

_CHUNK = 1024 * 1024


@dataclass(slots=True, kw_only=True)
class ResumedDownload:
    """One file. `version` is the ETag of what is in it so far; empty: it has none."""

    client: httpx.Client
    url: str
    file: BinaryIO
    version: str = ""

    def attempt(self) -> None:
        """Fetch what is missing. Raises httpx.HTTPError, after which one may try once more."""
        with self.client.stream("GET", self.url, headers=self._condition()) as response:
            response.raise_for_status()
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                self.file.seek(0)
                self.file.truncate()
                self.version = response.headers.get("ETag", "")
            for chunk in response.iter_bytes(_CHUNK):
                self.file.write(chunk)

    def _condition(self) -> dict[str, str]:
        """What asks for the rest; of another version there is none (RFC 9110 13.1.1)."""
        if not self.version:
            return {}
        return {"Range": f"bytes={self.file.tell()}-", "If-Match": self.version}
