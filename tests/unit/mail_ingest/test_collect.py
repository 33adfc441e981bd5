"""Files stream into blobs, or are left out for a reason and leave nothing behind."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mail_ingest.collect import MediaCollector, MediaLimits
from mail_ingest.incoming import IncomingFile
from shared.errors import StorageFullError
from shared.model import Kind, LeftOutReason
from tests.support.images import image_bytes, noisy_image_bytes
from tests.support.local_services import local_blob_store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from adapters.local.blob_store import LocalBlobStore
    from shared.ports import BlobStore, BlobWriter

PHOTO = noisy_image_bytes("PNG", (320, 200))
OTHER_PHOTO = noisy_image_bytes("PNG", (330, 200))
LOGO = image_bytes("PNG", (120, 40))
JPEG = IncomingFile(file_name="a.jpg", declared_type="image/jpeg")


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[LocalBlobStore]:
    with local_blob_store(tmp_path) as store:
        yield store


def collector(blobs: BlobStore, **limits: int) -> MediaCollector:
    return MediaCollector(blobs, "submissions/mail-x/", MediaLimits(**limits))


async def take(
    into: MediaCollector,
    content: bytes,
    name: str = "a.jpg",
    *,
    declared: str = "image/jpeg",
    cid: str = "",
    piece: int = 1000,
) -> None:
    into.begin(IncomingFile(file_name=name, declared_type=declared, content_id=cid))
    for start in range(0, len(content), piece):
        await into.write(content[start : start + piece])
    await into.end()


async def names(blobs: BlobStore) -> list[str]:
    return [name async for name in blobs.list("")]


def reasons(of: MediaCollector) -> list[LeftOutReason]:
    return [line.reason for line in of.left_out]


@pytest.mark.parametrize("piece", [1, 7, 4095, 4096, 4097, 1 << 20])
async def test_a_photo_is_stored_by_its_true_type(blobs: LocalBlobStore, piece: int) -> None:
    files = collector(blobs)
    await take(files, PHOTO[:20_000], "holiday.jpg", piece=piece)
    await files.settle()
    (item,) = files.media
    assert (item.number, item.kind, item.media_type) == (1, Kind.PHOTO, "image/png")
    assert (item.declared_type, item.size) == ("image/jpeg", 20_000)
    assert item.blob == "submissions/mail-x/media/1/holiday.png"
    assert await blobs.get(item.blob) == PHOTO[:20_000]


async def test_numbers_have_no_gaps_whatever_is_left_out_between(blobs: LocalBlobStore) -> None:
    files = collector(blobs, max_media_bytes=len(OTHER_PHOTO))
    await take(files, PHOTO, "1.png")
    await take(files, b"%PDF-1.7" + b" " * 9000, "a.pdf", declared="application/pdf")
    await take(files, PHOTO, "copy.png")
    await take(files, PHOTO + OTHER_PHOTO, "large.png")
    await take(files, b"", "empty.jpg")
    await take(files, image_bytes("GIF", (1, 1)), "pixel.gif")
    await take(files, b"\x01\x02\x03\xfe" * 2000, "damaged.jpg")
    await take(files, OTHER_PHOTO, "2.png")
    await files.settle()
    assert [(item.number, item.file_name) for item in files.media] == [(1, "1.png"), (2, "2.png")]
    assert reasons(files) == [
        LeftOutReason.UNSUPPORTED_TYPE,
        LeftOutReason.DUPLICATE,
        LeftOutReason.TOO_LARGE,
        LeftOutReason.EMPTY,
        LeftOutReason.TRACKING_PIXEL,
        LeftOutReason.UNREADABLE,
    ]
    assert [line.size for line in files.left_out[:3]] == [
        9008,
        len(PHOTO),
        len(PHOTO + OTHER_PHOTO),
    ]
    assert await names(blobs) == [item.blob for item in files.media]


async def test_beyond_the_limit_there_are_too_many(blobs: LocalBlobStore) -> None:
    files = collector(blobs, max_media=1)
    await take(files, PHOTO)
    await take(files, OTHER_PHOTO)
    await take(files, LOGO)
    await files.settle()
    assert len(files.media) == 1
    assert reasons(files) == [LeftOutReason.TOO_MANY] * 2


async def test_a_small_image_that_the_html_refers_to_is_a_logo(blobs: LocalBlobStore) -> None:
    files = collector(blobs)
    await take(files, LOGO, "logo.png", cid="<Logo@X>")
    await take(files, noisy_image_bytes("PNG", (200, 200)), "big-logo.png", cid="big@x")
    await take(files, PHOTO, "photo.png", cid="photo@x")
    await take(files, image_bytes("PNG", (121, 40)), "small-photo.png", cid="other@x")
    await take(files, LOGO, "logo again.png")
    await files.settle(frozenset({"logo@x", "big@x", "photo@x"}))
    assert [item.file_name for item in files.media] == [
        "photo.png",
        "logo again.png",
        "small-photo.png",
    ]
    assert [item.number for item in files.media] == [1, 2, 3]
    assert reasons(files) == [LeftOutReason.SIGNATURE_LOGO] * 2
    assert await names(blobs) == [item.blob for item in files.media]


async def test_an_image_that_was_held_may_turn_out_a_duplicate(blobs: LocalBlobStore) -> None:
    files = collector(blobs)
    await take(files, LOGO, cid="a@x")
    await take(files, LOGO)
    await files.settle()
    assert len(files.media) == 1
    assert reasons(files) == [LeftOutReason.DUPLICATE]


async def test_only_so_many_images_are_held(blobs: LocalBlobStore) -> None:
    files = collector(blobs)
    for number in range(110):
        await take(files, LOGO + bytes([number]) * 39_000, cid=f"{number}@x", piece=1 << 20)
    held = 110 - len(files.media)
    assert 100 < held < 110
    await files.settle(frozenset(f"{number}@x" for number in range(110)))
    assert reasons(files) == [LeftOutReason.SIGNATURE_LOGO] * held


async def test_a_file_without_a_name_gets_one(blobs: LocalBlobStore) -> None:
    files = collector(blobs)
    await take(files, PHOTO, "")
    await files.settle()
    assert files.media[0].file_name == "image.png"


async def test_a_reason_from_outside_wins_and_leaves_nothing(blobs: LocalBlobStore) -> None:
    files = collector(blobs)
    files.begin(JPEG)
    await files.write(PHOTO)
    await files.end(LeftOutReason.ENCRYPTED)
    files.leave_out(IncomingFile(file_name="x.dat", declared_type="x/y"), 7, LeftOutReason.PARTIAL)
    await files.settle()
    assert reasons(files) == [LeftOutReason.ENCRYPTED, LeftOutReason.PARTIAL]
    assert (files.left_out[1].size, files.left_out[1].media_type) == (7, "x/y")
    assert await names(blobs) == []


async def test_what_is_no_media_can_have_a_reason_of_its_own(blobs: LocalBlobStore) -> None:
    files = collector(blobs)
    odd = IncomingFile(file_name="a", declared_type="x/y", otherwise=LeftOutReason.REFUSED_ENCODING)
    for content in (b"words", PHOTO):
        files.begin(odd)
        await files.write(content)
        await files.end()
    await files.settle()
    assert reasons(files) == [LeftOutReason.REFUSED_ENCODING]
    assert len(files.media) == 1


async def test_an_abandoned_file_leaves_nothing(blobs: LocalBlobStore) -> None:
    files = collector(blobs)
    files.begin(JPEG)
    await files.write(PHOTO)
    await files.abandon()
    await files.abandon()
    assert await names(blobs) == []


class FullStore:
    """A blob store whose disk is full after the first bytes."""

    @asynccontextmanager
    async def create(
        self, name: str, *, content_type: str = "application/octet-stream"
    ) -> AsyncGenerator[BlobWriter]:
        del content_type
        yield self
        raise StorageFullError(name)

    async def write(self, data: bytes | memoryview) -> None:
        if len(data) > 10_000:
            raise StorageFullError("disk")


async def test_a_full_disk_is_told_and_can_be_abandoned() -> None:
    files = MediaCollector(FullStore(), "submissions/mail-x/", MediaLimits())  # pyright: ignore[reportArgumentType]
    files.begin(JPEG)
    with pytest.raises(StorageFullError):
        await files.write(PHOTO)
    await files.abandon()
