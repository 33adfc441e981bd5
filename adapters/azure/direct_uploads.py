"""Uploads of clients straight into the container: videos of gigabytes do not pass through us.

A client gets a URL by which it may write one blob, and do nothing else. What it writes there is of
a version; a version that was looked at is copied within the account, or not at all. How much is
written cannot be limited by the URL: a lifecycle rule should delete what lies under ``uploads/``
for two days.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from adapters.azure.blob_names import kind_of, stored_name
from adapters.azure.blob_reading import read_blob
from adapters.azure.block_upload import SERVICE
from adapters.azure.errors import azure_errors_translated
from shared.errors import BlobNotFoundError, ServiceUnavailableError
from shared.events import rfc3339
from shared.ports import Upload, UploadUrl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azure.storage.blob.aio import BlobClient, ContainerClient

    from adapters.azure.blob_urls import BlobUrls

_LIFETIME = timedelta(hours=4)
_COPY_URL_LIVES = timedelta(minutes=15)
_LOOKS_AT_A_COPY = 60  # once a second; within an account a copy is done at once
_ARCHIVE = "Archive"  # an access tier, which a client may name when it writes
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED})


class AzureDirectUploads:
    """Direct uploads into one container."""

    def __init__(self, container: ContainerClient, urls: BlobUrls, *, tagged: bool) -> None:
        self._container = container
        self._urls = urls
        self._tagged = tagged
        self._container_is_there = False

    async def url(self, name: str) -> UploadUrl:
        """The right to write this one blob, in one request or in blocks, for 4 hours."""
        from azure.storage.blob import BlobSasPermissions

        await self._make_container()
        rights = BlobSasPermissions(create=True, write=True)
        signed = await self._urls.signed(self._blob(name), rights, _LIFETIME)
        return UploadUrl(
            url=signed.url,
            method="PUT",
            headers={"x-ms-blob-type": "BlockBlob"},
            expires_at=rfc3339(signed.ends),
        )

    async def find(self, name: str) -> Upload | None:
        """What was put into this blob; None while it is not complete. Nobody can read what a client
        has put into the archive, so that is nothing either.
        """
        from azure.core.exceptions import ResourceNotFoundError

        with azure_errors_translated(SERVICE):
            try:
                found = await self._blob(name).get_blob_properties()
            except ResourceNotFoundError:
                return None
        if found.blob_tier == _ARCHIVE:
            return None
        return Upload(blob=name, size=found.size, version=found.etag)

    async def read(self, upload: Upload, *, length: int | None = None) -> AsyncIterator[bytes]:
        """Its bytes, or the first `length`. Raises BlobNotFoundError, see the port."""
        blob = self._blob(upload.blob)
        async for chunk in read_blob(blob, upload.blob, length=length, version=upload.version):
            yield chunk

    async def keep(self, upload: Upload, name: str, *, content_type: str) -> None:
        """Copy it within the account to the blob `name`. Raises BlobNotFoundError, see the port.

        The headers that the client has given the blob are not kept.
        """
        from azure.core.exceptions import HttpResponseError
        from azure.storage.blob import ContentSettings

        copy = self._blob(name)
        with azure_errors_translated(SERVICE):
            try:
                await self._copy(upload, copy, kind_of(name))
            except HttpResponseError as exc:
                if exc.status_code in _GONE:
                    raise BlobNotFoundError(upload.blob) from exc
                raise
            await copy.set_http_headers(ContentSettings(content_type=content_type))

    async def _copy(self, upload: Upload, copy: BlobClient, kind: str) -> None:
        from azure.core import MatchConditions
        from azure.storage.blob import BlobSasPermissions

        right = BlobSasPermissions(read=True)
        source = await self._urls.signed(self._blob(upload.blob), right, _COPY_URL_LIVES)
        started = await copy.start_copy_from_url(
            source.url,
            metadata={"kind": kind},
            tags={"kind": kind} if self._tagged else None,
            source_etag=upload.version,
            source_match_condition=MatchConditions.IfNotModified,
        )
        status = started["copy_status"]
        for _ in range(_LOOKS_AT_A_COPY):
            if status != "pending":
                break
            await asyncio.sleep(1)
            status = (await copy.get_blob_properties()).copy.status
        if status != "success":
            raise ServiceUnavailableError(SERVICE, "a copy was not finished")

    async def _make_container(self) -> None:
        """A client cannot make it."""
        from azure.core.exceptions import ResourceExistsError

        if self._container_is_there:
            return
        with azure_errors_translated(SERVICE), suppress(ResourceExistsError):
            await self._container.create_container()
        self._container_is_there = True

    def _blob(self, name: str) -> BlobClient:
        return self._container.get_blob_client(stored_name(name))
