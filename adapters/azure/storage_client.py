"""Clients of a storage account, from settings and an identity.

Their patience is ours, not the SDK's: it would try for a minute, while our callers hold a request
open and come again later by themselves.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from adapters.azure.errors import refuse_strangers
from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Generator

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.data.tables.aio import TableServiceClient
    from azure.storage.blob.aio import BlobServiceClient

    from shared.settings.azure import StorageSettings

_RANGE_BYTES = 4 * 1024 * 1024  # what one read request brings
_BOTH: dict[str, Any] = {
    "connection_timeout": 10,  # seconds
    "read_timeout": 30,
    "raw_response_hook": refuse_strangers,
}
_BLOBS: dict[str, Any] = {
    **_BOTH,
    "initial_backoff": 0.5,  # tries again after about 0.5, 2.5 and 4.5 s
    "increment_base": 2,
    "random_jitter_range": 0.5,
    "max_single_get_size": _RANGE_BYTES,
    "max_chunk_get_size": _RANGE_BYTES,
}
_TABLES: dict[str, Any] = {
    **_BOTH,
    "retry_total": 3,
    "retry_backoff_factor": 0.4,  # tries again after 0, 0.8 and 1.6 s
}


def blob_service(
    settings: StorageSettings, credential: AsyncTokenCredential | None
) -> BlobServiceClient:
    """A client of Blob Storage. Raises SettingsError."""
    from azure.storage.blob.aio import BlobServiceClient

    if settings.connection_string:
        with _misspelling_said():
            return BlobServiceClient.from_connection_string(settings.connection_string, **_BLOBS)
    url = _required(settings.blob_url, "MAIL_INGEST_BLOB_URL")
    return BlobServiceClient(url, credential=credential, **_BLOBS)


def table_service(
    settings: StorageSettings, credential: AsyncTokenCredential | None
) -> TableServiceClient:
    """A client of Table Storage. Raises SettingsError."""
    from azure.data.tables.aio import TableServiceClient

    if settings.connection_string:
        with _misspelling_said():
            return TableServiceClient.from_connection_string(settings.connection_string, **_TABLES)
    url = _required(settings.table_url, "MAIL_INGEST_TABLE_URL")
    return TableServiceClient(endpoint=url, credential=credential, **_TABLES)


@contextmanager
def _misspelling_said() -> Generator[None]:
    """Not with the SDK's words, which may hold the key."""
    try:
        yield
    except ValueError:
        raise SettingsError(
            "MAIL_INGEST_STORAGE_CONNECTION_STRING",
            "it is no connection string. Copy it whole, or set the URLs of the account instead.",
        ) from None


def _required(url: str, name: str) -> str:
    if not url:
        raise SettingsError(name, "it is not set. Set it to the endpoint of the storage account.")
    return url
