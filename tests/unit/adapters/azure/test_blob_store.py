"""What AzureBlobStore does beyond the contract: rights, integrity, faults and memory."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobServiceClient

from adapters.azure.blob_store import AzureBlobStore
from adapters.azure.errors import refuse_strangers
from adapters.clock import SystemClock
from shared.errors import (
    AccessRefusedError,
    BlobNotFoundError,
    ServiceUnavailableError,
    SettingsError,
    StorageFullError,
)
from shared.settings.azure import StorageSettings
from tests.support.azure_services import azure_blob_store
from tests.support.azurite import Identity
from tests.support.clocks import ManualClock
from tests.support.fault_proxy import Answer, Cut, FaultProxy, Spoil, fault_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.support.azurite import Azurite
    from tests.support.fault_proxy import Fault

PROJECT = Path(__file__).parents[4]
MIB = 1024 * 1024
RECORD = "submissions/http-a/submission.json"


@asynccontextmanager
async def impatient_store(settings: StorageSettings) -> AsyncGenerator[AzureBlobStore]:
    """A store that tries once."""
    service = BlobServiceClient.from_connection_string(
        settings.connection_string, retry_total=0, raw_response_hook=refuse_strangers
    )
    async with service:
        yield AzureBlobStore(service, settings.container, SystemClock())


@asynccontextmanager
async def store_with_identity(azurite: Azurite) -> AsyncGenerator[AzureBlobStore]:
    """A store that has no key."""
    assert azurite.certificate is not None
    url, trusted = azurite.url("Blob"), str(azurite.certificate.path)
    async with BlobServiceClient(
        url, Identity(), connection_verify=trusted, raw_response_hook=refuse_strangers
    ) as service:
        yield AzureBlobStore(service, azurite.settings().container, SystemClock())


@asynccontextmanager
async def behind_proxy(azurite: Azurite) -> AsyncGenerator[tuple[FaultProxy, StorageSettings]]:
    target = azurite.url("Blob").rpartition("/")[0]
    async with fault_proxy(target) as proxy:
        yield proxy, azurite.settings(Blob=proxy.port)


async def test_a_read_url_gives_the_right_to_read_one_blob(azurite: Azurite) -> None:
    async with azure_blob_store(azurite.settings()) as store, httpx.AsyncClient() as client:
        await store.put("a", b"hello")
        await store.put("b", b"other")
        url = await store.read_url("a")

        assert (await client.get(url)).content == b"hello"
        assert (await client.get(url.replace("/a?", "/b?"))).status_code == 403
        assert (await client.delete(url)).status_code == 403
        written = await client.put(url, content=b"x", headers={"x-ms-blob-type": "BlockBlob"})
        assert written.status_code == 403


async def test_a_read_url_ends_after_an_hour(azurite: Azurite) -> None:
    clock = ManualClock(SystemClock().now() - timedelta(minutes=59))
    store = AzureBlobStore.open(azurite.settings(), clock)
    await store.put("a", b"hello")
    async with httpx.AsyncClient() as client:
        assert (await client.get(await store.read_url("a"))).status_code == 200
        clock.advance(seconds=-120)
        assert (await client.get(await store.read_url("a"))).status_code == 403
    await store.close()


async def test_an_identity_signs_urls_without_the_account_key(secure_azurite: Azurite) -> None:
    assert secure_azurite.certificate is not None
    trusted = secure_azurite.certificate.client_context()
    async with (
        store_with_identity(secure_azurite) as store,
        httpx.AsyncClient(verify=trusted) as client,
    ):
        await store.put("a b.jpg", b"hello")
        urls = await asyncio.gather(store.read_url("a b.jpg"), store.read_url("a b.jpg"))

        assert (await client.get(urls[0])).content == b"hello"
        assert (await client.delete(urls[0])).status_code == 403
        query = httpx.URL(urls[0]).params
        assert (query["sp"], query["sr"], query["spr"]) == ("r", "b", "https")
        assert query["skoid"]  # whose delegation key signed it
        assert query["ske"] == httpx.URL(urls[1]).params["ske"], "one key serves many URLs"


async def test_a_blob_says_what_it_is(azurite: Azurite) -> None:
    settings = azurite.settings()
    names = {
        "submissions/http-a/original.eml": "original",
        "submissions/http-a/media/1/a.jpg": "media",
        "submissions/http-a/attempts/2/original.eml": "original",
        "submissions/http-a/attempts/2/media/1/a.jpg": "media",
        RECORD: "record",
        "descriptions/0a/thumbnail.jpg": "record",
    }
    async with azure_blob_store(settings) as store:
        for name in names:
            await store.put(name, b"x" * 3 * MIB, content_type="image/jpeg")

    async with BlobServiceClient.from_connection_string(settings.connection_string) as service:
        for name, kind in names.items():
            blob = service.get_blob_client(settings.container, name)
            properties = await blob.get_blob_properties()
            assert properties.content_settings.content_type == "image/jpeg"
            assert properties.metadata["kind"] == kind
            assert await blob.get_blob_tags() == {"kind": kind}


async def test_where_there_is_no_container_there_is_no_blob(azurite: Azurite) -> None:
    async with azure_blob_store(azurite.settings()) as store:
        assert not await store.exists("a")
        assert [name async for name in store.list("")] == []
        assert await store.delete_prefix("") == 0
        with pytest.raises(BlobNotFoundError):
            await store.get("a")


async def test_a_range_is_read_across_requests(azurite: Azurite) -> None:
    content = bytes(range(256)) * (9 * 4096) + b"tail"
    async with azure_blob_store(azurite.settings()) as store:
        await store.put("large", content)
        chunks = [chunk async for chunk in store.read("large", offset=MIB + 1, length=6 * MIB)]

    assert b"".join(chunks) == content[MIB + 1 :][: 6 * MIB]
    assert max(map(len, chunks)) <= MIB


async def test_a_blob_that_is_replaced_while_it_is_read_is_never_mixed(azurite: Azurite) -> None:
    async with azure_blob_store(azurite.settings()) as store:
        await store.put("a", b"1" * 6 * MIB)
        chunks = store.read("a")
        await anext(chunks)
        await store.put("a", b"2" * 6 * MIB)

        with pytest.raises(ServiceUnavailableError, match="replaced"):
            _ = [chunk async for chunk in chunks]


async def test_of_two_writers_of_a_name_one_wins_and_the_other_is_told(azurite: Azurite) -> None:
    async with azure_blob_store(azurite.settings()) as store:

        async def upload(content: bytes) -> None:
            async with store.create("a") as stream:
                await stream.write(content * 9 * MIB)
                await both_wrote.wait()

        both_wrote = asyncio.Barrier(2)
        results = await asyncio.gather(upload(b"1"), upload(b"2"), return_exceptions=True)
        content = await store.get("a")

    assert [type(each) for each in results if each] in ([], [ServiceUnavailableError])
    assert content in (b"1" * 9 * MIB, b"2" * 9 * MIB)


@pytest.mark.parametrize("size", [10, 5 * MIB])
async def test_what_is_damaged_on_its_way_is_refused(azurite: Azurite, size: int) -> None:
    async with behind_proxy(azurite) as (proxy, settings), azure_blob_store(settings) as store:
        await store.put("other", b"")
        proxy.faults = [Spoil.REQUEST]
        with pytest.raises(ServiceUnavailableError, match="damaged"):
            await store.put("a", b"x" * size)
        assert not await store.exists("a")


@pytest.mark.parametrize("size", [10, 5 * MIB])
async def test_every_write_carries_the_md5_of_its_body(azurite: Azurite, size: int) -> None:
    async with behind_proxy(azurite) as (proxy, settings), azure_blob_store(settings) as store:
        await store.put("a", b"x" * size)
        assert proxy.requests > 1
        assert proxy.unchecked == []


async def test_some_blocks_are_under_way_at_a_time_and_not_all_of_them(azurite: Azurite) -> None:
    async with behind_proxy(azurite) as (proxy, settings), azure_blob_store(settings) as store:
        proxy.pause_s = 0.5
        await store.put("a", b"x" * 24 * MIB)
        assert 2 <= proxy.most_at_once <= 4


@pytest.mark.parametrize("size", [10, 5 * MIB])
async def test_a_new_blob_whose_answer_was_lost_is_known_as_ours(
    azurite: Azurite, size: int
) -> None:
    async with behind_proxy(azurite) as (proxy, settings), azure_blob_store(settings) as store:
        await store.put("other", b"")
        proxy.faults = [Cut.AFTER] * (1 if size == 10 else 3)  # of each block, and of the commit
        assert await store.put_new("a", b"x" * size)
        assert proxy.faults == []
        assert not await store.put_new("a", b"y")
        assert await store.get("a") == b"x" * size


@pytest.mark.parametrize("fault", [Cut.BEFORE, Answer(503)], ids=str)
async def test_a_fault_that_passes_is_not_noticed(azurite: Azurite, fault: Fault) -> None:
    async with behind_proxy(azurite) as (proxy, settings), azure_blob_store(settings) as store:
        await store.put("other", b"")
        proxy.faults = [fault]
        await store.put("a", b"x" * 5 * MIB)
        proxy.faults = [fault]
        assert await store.get("a") == b"x" * 5 * MIB


@pytest.mark.parametrize(
    "fault",
    [
        Cut.BEFORE,
        Cut.AFTER,
        Answer(408),
        Answer(429, {"Retry-After": "7"}),
        Answer(500),
        Answer(503, {"Retry-After": "7"}),
    ],
    ids=str,
)
async def test_a_service_that_does_not_do_its_work_is_named(azurite: Azurite, fault: Fault) -> None:
    async with behind_proxy(azurite) as (proxy, settings), impatient_store(settings) as store:
        proxy.always = fault
        for ask in (
            lambda: store.put("a", b"x" * 5 * MIB),
            lambda: store.put_new("a", b"x"),
            lambda: store.get("a"),
            lambda: store.exists("a"),
            lambda: store.delete_prefix("a"),
        ):
            with pytest.raises(ServiceUnavailableError, match="Azure Blob Storage") as raised:
                await ask()
            waits = isinstance(fault, Answer) and bool(fault.headers)
            assert raised.value.retry_after_s == (7 if waits else None)


async def test_a_service_that_is_not_there_is_named(azurite: Azurite) -> None:
    async with impatient_store(azurite.settings(Blob=9)) as store:
        with pytest.raises(ServiceUnavailableError, match="no answer"):
            await store.put("a", b"")


@pytest.mark.parametrize("status", [200, 302, 404])
async def test_a_page_of_somebody_else_says_nothing(azurite: Azurite, status: int) -> None:
    async with behind_proxy(azurite) as (proxy, settings), impatient_store(settings) as store:
        proxy.always = Answer(status, {"Content-Type": "text/html"}, b"<html>Log in</html")
        for ask in (
            lambda: store.get("a"),
            lambda: store.exists("a"),
            lambda: store.delete_prefix("a"),
        ):
            with pytest.raises(ServiceUnavailableError):
                await ask()


async def test_a_full_account_is_full_storage(azurite: Azurite) -> None:
    async with behind_proxy(azurite) as (proxy, settings), impatient_store(settings) as store:
        proxy.always = Answer(507)
        with pytest.raises(StorageFullError):
            await store.put("a", b"x")


@pytest.mark.parametrize(
    ("status", "code"),
    [(409, "PendingCopyOperation"), (409, "ContainerBeingDeleted"), (412, "LeaseIdMissing")],
)
async def test_a_conflict_that_passes_by_itself_is_waited_for(
    azurite: Azurite, status: int, code: str
) -> None:
    async with behind_proxy(azurite) as (proxy, settings), impatient_store(settings) as store:
        await store.put("a", b"x")
        proxy.faults = [None]  # the list of what is to be deleted
        proxy.always = Answer(status, {"x-ms-error-code": code, "x-ms-request-id": "1"})
        with pytest.raises(ServiceUnavailableError, match=code):
            await store.delete_prefix("a")
        with pytest.raises(ServiceUnavailableError, match=code):
            await store.put_new("b", b"x")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AuthorizationPermissionMismatch"),  # a role is not there
        (403, "AuthorizationFailure"),  # a rule of the firewall
        (403, "AuthenticationFailed"),  # a key is another one now
        (401, "InvalidAuthenticationInfo"),
    ],
)
async def test_a_right_that_we_lack_is_waited_out_like_an_outage(
    azurite: Azurite, status: int, code: str
) -> None:
    async with behind_proxy(azurite) as (proxy, settings), azure_blob_store(settings) as store:
        proxy.always = Answer(status, {"x-ms-error-code": code, "x-ms-request-id": "1"})
        with pytest.raises(AccessRefusedError) as caught:
            await store.put("a", b"x")
        assert str(caught.value) == (
            f"The service Azure Blob Storage is not available: it refuses us ({status} {code}); our"
            " identity needs the roles that docs/azure.md names."
        )
        assert proxy.requests == 1  # whoever is refused does not ask again at once
        proxy.always = None
        await store.put("a", b"x")
        assert await store.get("a") == b"x"


async def test_our_own_mistake_fails_loudly(azurite: Azurite) -> None:
    async with behind_proxy(azurite) as (proxy, settings), impatient_store(settings) as store:
        proxy.always = Answer(400, {"x-ms-error-code": "InvalidUri", "x-ms-request-id": "1"})
        with pytest.raises(HttpResponseError, match="InvalidUri"):
            await store.put("a", b"x")


def test_settings_that_name_no_account_are_explained() -> None:
    with pytest.raises(SettingsError, match="MAIL_INGEST_BLOB_URL"):
        AzureBlobStore.open(StorageSettings(), SystemClock())


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
async def test_200_mb_go_up_and_down_in_64_mb_of_memory(azurite: Azurite) -> None:
    settings = azurite.settings()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.blob_memory",
        settings.connection_string,
        settings.container,
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()

    grown = json.loads(output)
    assert grown["up"] <= 64 * MIB, f"{grown['up'] / MIB:.1f} MiB"
    assert grown["down"] <= 64 * MIB, f"{grown['down'] / MIB:.1f} MiB"
