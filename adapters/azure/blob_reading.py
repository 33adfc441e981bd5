"""Reading a blob, or a range of it, request by request, and never a mixture of two versions."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from adapters.azure.block_upload import SERVICE
from adapters.azure.errors import azure_errors_translated
from shared.errors import BlobNotFoundError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azure.storage.blob.aio import BlobClient

_CHUNK = 1024 * 1024


async def read_blob(
    blob: BlobClient, name: str, *, offset: int = 0, length: int | None = None, version: str = ""
) -> AsyncIterator[bytes]:
    """The bytes in chunks of at most 1 MiB; `length` is not 0.

    Raises BlobNotFoundError, also when a `version` (an ETag) is named and another one is there.
    Without one, a blob that is replaced meanwhile raises ServiceUnavailableError.
    """
    async for piece in _pieces(blob, name, offset, length, version):
        for start in range(0, len(piece), _CHUNK):
            yield piece[start : start + _CHUNK]


async def _pieces(
    blob: Any, name: str, offset: int, length: int | None, version: str
) -> AsyncIterator[bytes]:
    """What one request after the other brings. The SDK's types know no condition that is optional,
    so the client is untyped here.
    """
    from azure.core import MatchConditions
    from azure.core.exceptions import (
        HttpResponseError,
        ResourceModifiedError,
        ResourceNotFoundError,
    )

    condition: dict[str, Any] = {}
    if version:
        condition = {"etag": version, "match_condition": MatchConditions.IfNotModified}
    start = offset if offset or length is not None else None
    with azure_errors_translated(SERVICE):
        try:
            download = await blob.download_blob(offset=start, length=length, **condition)
            async for piece in download.chunks():
                yield piece
        except ResourceNotFoundError as exc:
            raise BlobNotFoundError(name) from exc
        except ResourceModifiedError as exc:
            if version:
                raise BlobNotFoundError(name) from exc
            raise ServiceUnavailableError(SERVICE, "a blob was replaced meanwhile") from exc
        except HttpResponseError as exc:
            if exc.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise  # else there is nothing in that range
