"""Blobs in a container of Azure Blob Storage.

A blob is visible only when its upload is committed, and durable from then on. What an upload that
broke off has left behind is in block_upload.py. The identity needs the role Storage Blob Data
Contributor, with tags Storage Blob Data Owner.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from adapters.azure.blob_names import kind_of, original_name, stored_name, stored_prefix
from adapters.azure.blob_reading import read_blob
from adapters.azure.blob_urls import BlobUrls
from adapters.azure.block_upload import SERVICE, BlobFacts, BlockUpload
from adapters.azure.direct_uploads import AzureDirectUploads
from adapters.azure.errors import azure_errors_translated
from adapters.azure.storage_client import blob_service
from shared.errors import BlobNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import BlobClient, BlobServiceClient

    from shared.ports import Clock
    from shared.settings.azure import StorageSettings

_READ_URL_LIVES = timedelta(hours=1)
_JOB_URL_LIVES = timedelta(hours=4)  # of a container that describes many media
_DELETED_AT_ONCE = 16


class AzureBlobStore:
    """Keeps blobs in one container, which is made with the first blob if it is not there.

    A name that is invalid raises ValueError. Blobs are listed in the order of their stored names.
    """

    def __init__(
        self, service: BlobServiceClient, container: str, clock: Clock, *, tagged: bool = True
    ) -> None:
        self._service = service
        self._container = service.get_container_client(container)
        self._urls = BlobUrls(service, clock)
        self._tagged = tagged

    @classmethod
    def open(
        cls,
        settings: StorageSettings,
        clock: Clock,
        *,
        credential: AsyncTokenCredential | None = None,
    ) -> Self:
        """The store that the settings name; connects when it is used. Raises SettingsError."""
        service = blob_service(settings, credential)
        return cls(service, settings.container, clock, tagged=settings.blob_tags)

    def direct_uploads(self) -> AzureDirectUploads:
        """What lets clients put files into the container by themselves."""
        return AzureDirectUploads(self._container, self._urls, tagged=self._tagged)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._service.close()

    @asynccontextmanager
    async def create(
        self, name: str, *, content_type: str = "application/octet-stream"
    ) -> AsyncGenerator[BlockUpload]:
        """Write a blob as a stream; it appears when the block ends well."""
        upload = self._upload(name, content_type)
        try:
            yield upload
            await upload.commit()
        finally:
            await upload.abandon()

    async def put(
        self, name: str, content: bytes, *, content_type: str = "application/octet-stream"
    ) -> None:
        """Write a small blob whole, replacing an older one."""
        async with self.create(name, content_type=content_type) as upload:
            await upload.write(content)

    async def put_new(
        self, name: str, content: bytes, *, content_type: str = "application/octet-stream"
    ) -> bool:
        """Write a small blob only if none has this name, also against other processes."""
        upload = self._upload(name, content_type)
        try:
            await upload.write(content)
            return await upload.commit(only_new=True)
        finally:
            await upload.abandon()

    async def get(self, name: str) -> bytes:
        """A small blob's bytes. Raises BlobNotFoundError."""
        return b"".join([chunk async for chunk in self.read(name)])

    async def read(
        self, name: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """A blob's bytes, or a range of them, in chunks of at most 1 MiB.

        Raises BlobNotFoundError, and ServiceUnavailableError when the blob is replaced meanwhile.
        """
        if length == 0:
            if not await self.exists(name):
                raise BlobNotFoundError(name)
            return
        async for chunk in read_blob(self._blob(name), name, offset=offset, length=length):
            yield chunk

    async def exists(self, name: str) -> bool:
        """Whether a complete blob has this name."""
        with azure_errors_translated(SERVICE):
            return await self._blob(name).exists()

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """The names of the complete blobs that start with `prefix`, in order."""
        from azure.core.exceptions import ResourceNotFoundError

        listed = self._container.list_blob_names(name_starts_with=stored_prefix(prefix))
        with azure_errors_translated(SERVICE):
            try:
                async for stored in listed:
                    if (name := original_name(stored)).startswith(prefix):
                        yield name
            except ResourceNotFoundError:
                return  # there is no container yet, so there is no blob

    async def delete_prefix(self, prefix: str) -> int:
        """Delete the blobs whose names start with `prefix`; how many there were."""
        names = [name async for name in self.list(prefix)]
        for start in range(0, len(names), _DELETED_AT_ONCE):
            await asyncio.gather(*map(self._delete, names[start : start + _DELETED_AT_ONCE]))
        return len(names)

    async def read_url(self, name: str) -> str:
        """A URL by which anybody may read this blob, and nothing else, for an hour."""
        return await self._read_url(name, _READ_URL_LIVES)

    async def long_read_url(self, name: str) -> str:
        """The same for four hours: a video may be the last of many that a container describes."""
        return await self._read_url(name, _JOB_URL_LIVES)

    async def write_url(self, name: str) -> str:
        """A URL by which anybody may PUT this blob, and nothing else, for four hours."""
        from azure.storage.blob import BlobSasPermissions

        rights = BlobSasPermissions(create=True, write=True)
        return (await self._urls.signed(self._blob(name), rights, _JOB_URL_LIVES)).url

    async def _read_url(self, name: str, lifetime: timedelta) -> str:
        from azure.storage.blob import BlobSasPermissions

        right = BlobSasPermissions(read=True)
        return (await self._urls.signed(self._blob(name), right, lifetime)).url

    async def _delete(self, name: str) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        another_was_faster = suppress(ResourceNotFoundError)
        with azure_errors_translated(SERVICE), another_was_faster:
            await self._blob(name).delete_blob(delete_snapshots="include")

    def _upload(self, name: str, content_type: str) -> BlockUpload:
        facts = BlobFacts(content_type=content_type, kind=kind_of(name), tagged=self._tagged)
        return BlockUpload(self._container, stored_name(name), facts)

    def _blob(self, name: str) -> BlobClient:
        return self._container.get_blob_client(stored_name(name))
