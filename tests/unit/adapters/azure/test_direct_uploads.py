"""Uploads of clients straight into Azure Blob Storage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from adapters.azure.blob_store import AzureBlobStore
from adapters.clock import SystemClock
from shared.errors import BlobNotFoundError, ServiceUnavailableError
from tests.support.azure_services import azure_blob_store
from tests.support.clocks import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.ports import UploadUrl
    from tests.support.azurite import Azurite

NAME = "uploads/owner/1-5"
MIB = 1024 * 1024


@pytest.fixture
async def store(azurite: Azurite) -> AsyncGenerator[AzureBlobStore]:
    async with azure_blob_store(azurite.settings()) as opened:
        yield opened


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as opened:
        yield opened


async def put(client: httpx.AsyncClient, target: UploadUrl, content: bytes) -> int:
    headers = {**target.headers, "Content-Type": "text/html"}
    answer = await client.request(target.method, target.url, content=content, headers=headers)
    return answer.status_code


async def test_a_client_puts_a_file_into_its_blob(
    store: AzureBlobStore, client: httpx.AsyncClient
) -> None:
    uploads = store.direct_uploads()
    assert await uploads.find(NAME) is None

    assert await put(client, await uploads.url(NAME), b"hello") == 201

    found = await uploads.find(NAME)
    assert found is not None
    assert found.size == 5
    assert b"".join([chunk async for chunk in uploads.read(found)]) == b"hello"
    assert b"".join([chunk async for chunk in uploads.read(found, length=2)]) == b"he"


async def test_what_a_client_puts_into_the_archive_is_no_upload(
    store: AzureBlobStore, client: httpx.AsyncClient
) -> None:
    uploads = store.direct_uploads()
    target = await uploads.url(NAME)
    archived = {**target.headers, "x-ms-access-tier": "Archive", "x-ms-version": "2023-11-03"}
    assert (await client.put(target.url, content=b"hello", headers=archived)).status_code == 201

    assert await uploads.find(NAME) is None


async def test_a_client_uploads_a_large_file_in_blocks(store: AzureBlobStore) -> None:
    uploads = store.direct_uploads()
    target = await uploads.url(NAME)

    async with BlobClient.from_blob_url(
        target.url, max_single_put_size=MIB, max_block_size=MIB
    ) as blob:
        await blob.upload_blob(b"x" * 5 * MIB, max_concurrency=2)

    found = await uploads.find(NAME)
    assert found is not None
    assert found.size == 5 * MIB


async def test_the_url_gives_no_other_right(
    store: AzureBlobStore, client: httpx.AsyncClient
) -> None:
    target = await store.direct_uploads().url(NAME)
    assert await put(client, target, b"hello") == 201

    assert (await client.get(target.url)).status_code == 403
    assert (await client.delete(target.url)).status_code == 403
    other = target.url.replace("/1-5?", "/2-5?")
    assert (await client.put(other, content=b"x", headers=target.headers)).status_code == 403


async def test_the_url_ends_when_it_says(azurite: Azurite, client: httpx.AsyncClient) -> None:
    clock = ManualClock(SystemClock().now() - timedelta(hours=4, minutes=1))
    store = AzureBlobStore.open(azurite.settings(), clock)
    target = await store.direct_uploads().url(NAME)
    await store.close()

    assert target.expires_at < SystemClock().now().isoformat()
    assert await put(client, target, b"hello") == 403


async def test_what_was_looked_at_is_kept_with_a_type_of_ours(
    azurite: Azurite, client: httpx.AsyncClient
) -> None:
    settings = azurite.settings()
    kept = "submissions/http-a/media/1/a.jpg"
    async with azure_blob_store(settings) as store:
        uploads = store.direct_uploads()
        assert await put(client, await uploads.url(NAME), b"hello") == 201
        found = await uploads.find(NAME)
        assert found is not None
        await uploads.keep(found, kept, content_type="image/jpeg")
        await store.delete_prefix(NAME)
        assert await store.get(kept) == b"hello"

    async with BlobServiceClient.from_connection_string(settings.connection_string) as service:
        blob = service.get_blob_client(settings.container, kept)
        properties = await blob.get_blob_properties()
        assert properties.content_settings.content_type == "image/jpeg"
        assert properties.metadata == {"kind": "media"}
        assert await blob.get_blob_tags() == {"kind": "media"}


async def test_what_was_written_to_since_is_neither_read_nor_kept(
    store: AzureBlobStore, client: httpx.AsyncClient
) -> None:
    uploads = store.direct_uploads()
    target = await uploads.url(NAME)
    await put(client, target, b"first")
    found = await uploads.find(NAME)
    assert found is not None
    await put(client, target, b"other")

    with pytest.raises(BlobNotFoundError):
        _ = [chunk async for chunk in uploads.read(found)]
    with pytest.raises(BlobNotFoundError):
        await uploads.keep(found, "kept", content_type="image/jpeg")
    assert not await store.exists("kept")


async def test_what_is_gone_is_neither_read_nor_kept(
    store: AzureBlobStore, client: httpx.AsyncClient
) -> None:
    uploads = store.direct_uploads()
    await put(client, await uploads.url(NAME), b"first")
    found = await uploads.find(NAME)
    assert found is not None
    await store.delete_prefix(NAME)

    with pytest.raises(BlobNotFoundError):
        _ = [chunk async for chunk in uploads.read(found)]
    with pytest.raises(BlobNotFoundError):
        await uploads.keep(found, "kept", content_type="image/jpeg")


async def test_a_client_that_keeps_a_lease_on_its_upload_is_waited_for(
    store: AzureBlobStore, client: httpx.AsyncClient
) -> None:
    target = await store.direct_uploads().url(NAME)
    await put(client, target, b"first")
    lease = {
        "x-ms-lease-action": "acquire",
        "x-ms-lease-duration": "-1",
        "x-ms-version": "2023-11-03",
    }
    assert (await client.put(f"{target.url}&comp=lease", headers=lease)).status_code == 201

    with pytest.raises(ServiceUnavailableError, match="LeaseIdMissing"):
        await store.delete_prefix(NAME)
