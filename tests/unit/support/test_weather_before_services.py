"""The official SDKs on emulated services, through the proxy: no signature breaks on the way."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import AzureError
from azure.data.tables.aio import TableServiceClient
from azure.eventgrid.aio import EventGridPublisherClient
from azure.storage.blob import BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobClient, BlobServiceClient, LinearRetry

from tests.fakes.event_grid.topic import KEY, topic
from tests.support.weather import HttpWeather, Weather, http_weather
from tests.support.weather.http import STORAGE_THROTTLED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azure.storage.blob.aio import ContainerClient

    from tests.support.azurite import Azurite

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body")  # in one request, by the SDK
CONTENT = random.Random(1).randbytes(20 << 20)  # noqa: S311
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": "å"}}


@asynccontextmanager
async def container(azurite: Azurite) -> AsyncGenerator[tuple[HttpWeather, ContainerClient]]:
    """A container that is reached through the weather."""
    async with http_weather(azurite.url("Blob"), throttled=STORAGE_THROTTLED) as weather:
        settings = azurite.settings(Blob=weather.port)
        retries = LinearRetry(backoff=0, retry_total=2, random_jitter_range=0)
        client: Any = BlobServiceClient.from_connection_string(
            settings.connection_string, retry_policy=retries
        )
        async with client:
            yield weather, await client.create_container(settings.container)


async def test_a_large_blob_goes_up_and_comes_down_signed_with_the_key(azurite: Azurite) -> None:
    async with container(azurite) as (weather, blobs):
        await blobs.upload_blob("å b?/c.bin", BytesIO(CONTENT), metadata={"name": "value"})
        download = await blobs.download_blob("å b?/c.bin")
        assert await download.readall() == CONTENT
        assert [name async for name in blobs.list_blob_names(name_starts_with="å")] == [
            "å b?/c.bin"
        ]
        assert await blobs.get_blob_client("nothing").exists() is False  # a HEAD
        await blobs.delete_blob("å b?/c.bin")
        assert weather.requests >= 6
        assert weather.struck == 0


async def test_a_blob_goes_up_by_a_signed_url(azurite: Azurite) -> None:
    async with container(azurite) as (_, blobs):
        signature = generate_blob_sas(
            blobs.account_name or "",
            blobs.container_name,
            "c.bin",
            account_key=blobs.credential.account_key,
            permission=BlobSasPermissions(create=True, write=True, read=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        async with BlobClient.from_blob_url(f"{blobs.url}/c.bin?{signature}") as blob:
            await blob.upload_blob(b"content")
            assert await (await blob.download_blob()).readall() == b"content"


async def test_an_upload_that_was_throttled_is_not_there_and_one_that_was_cut_is(
    azurite: Azurite,
) -> None:
    async with container(azurite) as (weather, blobs):
        for ill in (Weather.THROTTLING, Weather.CUT):
            weather.weather = ill
            with pytest.raises(AzureError):
                await blobs.upload_blob(ill, b"content", overwrite=True)
        assert weather.struck >= 6  # each was tried three times, or more by aiohttp itself
        weather.weather = Weather.WELL
        assert [name async for name in blobs.list_blob_names()] == [Weather.CUT]


async def test_rows_are_written_and_found_by_a_filter(azurite: Azurite) -> None:
    async with http_weather(azurite.url("Table")) as weather:
        settings = azurite.settings(Table=weather.port)
        client: Any = TableServiceClient.from_connection_string(settings.connection_string)
        async with client:
            table = await client.create_table(settings.table_prefix)
            for number in range(3):
                await table.create_entity({"PartitionKey": "å 'b'", "RowKey": str(number)})
            found = table.query_entities("PartitionKey eq 'å ''b''' and RowKey ge '1'")
            assert [row["RowKey"] async for row in found] == ["1", "2"]
            await table.submit_transaction(
                [
                    ("delete", {"PartitionKey": "å 'b'", "RowKey": str(number)})
                    for number in range(3)
                ]
            )
            assert [row async for row in table.list_entities()] == []


async def test_events_are_published() -> None:
    async with topic() as events, http_weather(events.url) as weather:
        client: Any = EventGridPublisherClient(
            f"{weather.url}/api/events", AzureKeyCredential(KEY), retry_total=0
        )
        async with client:
            await client.send([EVENT])
            assert [event["data"] for event in events.published] == [EVENT["data"]]
            for ill, published in ((Weather.THROTTLING, 1), (Weather.CUT, 2)):
                weather.weather = ill
                with pytest.raises(AzureError):
                    await client.send([EVENT])
                assert len(events.published) == published
