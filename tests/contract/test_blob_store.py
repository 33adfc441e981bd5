"""What every BlobStore must keep. An adapter joins by another parameter of the `blobs` fixture."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from shared.errors import BlobNotFoundError
from tests.support.azure_services import azure_blob_store
from tests.support.local_services import local_blob_store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from shared.ports import BlobStore
    from tests.support.azurite import Azurite

MIB = 1024 * 1024


@pytest.fixture(params=["local", "azure"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[BlobStore]:
    if request.param == "local":
        with local_blob_store(tmp_path) as store:
            yield store
    else:
        azurite: Azurite = request.getfixturevalue("azurite")
        async with azure_blob_store(azurite.settings()) as store:
            yield store


async def read(blobs: BlobStore, name: str, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(name, offset=offset, length=length)])


async def names(blobs: BlobStore, prefix: str) -> list[str]:
    return [name async for name in blobs.list(prefix)]


async def test_what_was_put_is_got(blobs: BlobStore) -> None:
    await blobs.put("a/b.txt", b"hello", content_type="text/plain")

    assert await blobs.get("a/b.txt") == b"hello"
    assert await blobs.exists("a/b.txt")


async def test_an_empty_blob_is_a_blob(blobs: BlobStore) -> None:
    await blobs.put("empty", b"")
    async with blobs.create("empty-stream"):
        pass

    assert await blobs.get("empty") == b""
    assert await read(blobs, "empty") == b""
    assert await blobs.get("empty-stream") == b""


async def test_a_later_put_replaces(blobs: BlobStore) -> None:
    await blobs.put("a", b"a long first content")
    await blobs.put("a", b"second")

    assert await blobs.get("a") == b"second"


async def test_a_missing_blob_is_an_error_that_names_it(blobs: BlobStore) -> None:
    await blobs.put("folder/blob", b"")

    for name in ("missing", "folder", "folder/blob/below"):
        assert not await blobs.exists(name)
        with pytest.raises(BlobNotFoundError, match=name):
            await blobs.get(name)
        with pytest.raises(BlobNotFoundError, match=name):
            await read(blobs, name)


async def test_put_new_never_replaces(blobs: BlobStore) -> None:
    assert await blobs.put_new("record", b"first")
    assert not await blobs.put_new("record", b"second")

    assert await blobs.get("record") == b"first"


async def test_of_many_put_new_at_once_exactly_one_wins(blobs: BlobStore) -> None:
    contents = [str(number).encode() for number in range(20)]

    won = await asyncio.gather(*(blobs.put_new("record", content) for content in contents))

    assert won.count(True) == 1
    assert await blobs.get("record") == contents[won.index(True)]


async def test_a_stream_appears_only_when_its_block_ends(blobs: BlobStore) -> None:
    async with blobs.create("stream") as stream:
        await stream.write(b"x" * MIB)
        await stream.write(memoryview(b"tail"))
        assert not await blobs.exists("stream")
        assert await names(blobs, "") == []

    assert await blobs.get("stream") == b"x" * MIB + b"tail"


async def test_a_stream_that_fails_leaves_the_older_blob(blobs: BlobStore) -> None:
    await blobs.put("stream", b"older")

    async def fail() -> None:
        async with blobs.create("stream") as stream:
            await stream.write(b"x" * MIB)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await blobs.get("stream") == b"older"


async def test_a_cancelled_stream_leaves_nothing(blobs: BlobStore) -> None:
    began = asyncio.Event()

    async def upload() -> None:
        async with blobs.create("stream") as stream:
            while True:
                await stream.write(b"x" * MIB)
                began.set()

    task = asyncio.create_task(upload())
    await began.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert await names(blobs, "") == []


async def test_many_small_writes_keep_their_order(blobs: BlobStore) -> None:
    pieces = [number.to_bytes(4) * 97 for number in range(5000)]

    async with blobs.create("stream") as stream:
        for piece in pieces:
            await stream.write(piece)

    assert await blobs.get("stream") == b"".join(pieces)


async def test_a_buffer_may_be_used_again_after_a_write(blobs: BlobStore) -> None:
    buffer = bytearray(b"a" * MIB)

    async with blobs.create("stream") as stream:
        await stream.write(memoryview(buffer))
        buffer[:] = b"b" * MIB
        await stream.write(memoryview(buffer))

    assert await blobs.get("stream") == b"a" * MIB + b"b" * MIB


async def test_a_blob_is_read_in_chunks_of_at_most_a_mebibyte(blobs: BlobStore) -> None:
    content = bytes(range(256)) * (3 * 4096) + b"tail"
    await blobs.put("large", content)

    chunks = [chunk async for chunk in blobs.read("large")]

    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= MIB


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, 3, b"012"),
        (3, None, b"3456789"),
        (3, 100, b"3456789"),
        (3, 0, b""),
        (10, None, b""),
        (99, 1, b""),
    ],
)
async def test_a_range_is_what_lies_in_it(
    blobs: BlobStore, offset: int, length: int | None, expected: bytes
) -> None:
    await blobs.put("digits", b"0123456789")

    assert await read(blobs, "digits", offset, length) == expected


async def test_a_reader_keeps_the_blob_that_it_opened(blobs: BlobStore) -> None:
    await blobs.put("a", b"1" * 3 * MIB)

    chunks: list[bytes] = []
    async for chunk in blobs.read("a"):
        chunks.append(chunk)
        await blobs.put("a", b"2")

    assert set(b"".join(chunks)) <= set(b"1")


async def test_names_are_listed_in_order_below_a_prefix(blobs: BlobStore) -> None:
    all_names = ["b/1", "a/2/x", "a/10", "a-b", "a.b", "ab/c", "a/2-x"]
    for name in all_names:
        await blobs.put(name, b"")

    assert await names(blobs, "") == sorted(all_names)
    assert await names(blobs, "a/") == ["a/10", "a/2-x", "a/2/x"]
    assert await names(blobs, "a/2") == ["a/2-x", "a/2/x"]
    assert await names(blobs, "a/2/x") == ["a/2/x"]
    assert await names(blobs, "nothing/here") == []


async def test_delete_prefix_deletes_exactly_what_starts_with_it(blobs: BlobStore) -> None:
    for name in ("s/1/a", "s/1/b/c", "s/10/a", "s/2/a"):
        await blobs.put(name, b"")

    assert await blobs.delete_prefix("s/1/") == 2
    assert await blobs.delete_prefix("s/1/") == 0
    assert await names(blobs, "") == ["s/10/a", "s/2/a"]
    await blobs.put("s/1/a", b"again")
    assert await blobs.get("s/1/a") == b"again"


@pytest.mark.parametrize(
    "name",
    [
        "media/1/Øre på stranda, kvällen 🏖.jpg",
        "media/1/100% natural%41.jpg",
        "media/1/.hidden",
        "media/1/back\\slash",
        "media/1/line\nbreak",
        "media/1/ spaces ",
        "media/1/" + "a" * 255,
        "media/1/" + "é" * 300,
        "media/1/" + "%" * 200 + "/tail",
    ],
)
async def test_any_file_name_is_kept(blobs: BlobStore, name: str) -> None:
    await blobs.put(name, b"content")
    await blobs.put("media/1/other", b"")

    assert await blobs.get(name) == b"content"
    assert await names(blobs, "media/1/") == sorted([name, "media/1/other"])
    assert await blobs.delete_prefix("media/1/") == 2


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "a/../b", "..", "a/./b", "a//b", "a/", "a\0b", "a" * 1025, "\udcff"]
)
async def test_what_is_no_name_is_refused(blobs: BlobStore, name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of its kinds
        await blobs.put(name, b"")
    with pytest.raises(ValueError):  # noqa: PT011
        await blobs.get(name)


async def test_the_read_url_serves_the_bytes(blobs: BlobStore) -> None:
    await blobs.put("a/å b.txt", b"hello")

    url = await blobs.read_url("a/å b.txt")

    content = await asyncio.to_thread(_fetch, url)
    assert content == b"hello"


def _fetch(url: str) -> bytes:
    with urlopen(url) as response:  # noqa: S310 - the adapter's own URL
        return response.read()
