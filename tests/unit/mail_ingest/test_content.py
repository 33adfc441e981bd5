"""A mail's events are sorted into text and files, also where files stand in the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mail_ingest.collect import MediaCollector, MediaLimits
from mail_ingest.content import ContentSorter
from mail_ingest.mime.reader import MimeReader
from tests.support.images import noisy_image_bytes
from tests.support.local_services import local_blob_store
from tests.support.text_encoders import uuencode
from tests.support.tnef_encoder import File, tnef

if TYPE_CHECKING:
    from pathlib import Path

PHOTO = noisy_image_bytes("PNG", (320, 200))


async def sort(raw: bytes, folder: Path) -> tuple[ContentSorter, MediaCollector]:
    with local_blob_store(folder) as blobs:
        collector = MediaCollector(blobs, "submissions/mail-x/", MediaLimits())
        sorter, reader = ContentSorter(collector), MimeReader()
        await sorter.take(reader.feed(raw))
        await sorter.take(reader.close())
        await collector.settle()
    return sorter, collector


async def test_the_text_around_a_photo_in_it_is_kept(tmp_path: Path) -> None:
    raw = b"Subject: x\r\n\r\nBefore.\r\n" + uuencode(PHOTO, "a.png") + b"After.\r\n"
    sorter, collector = await sort(raw, tmp_path)
    text = sorter.body.read().text
    assert "Before." in text
    assert "After." in text
    assert [item.size for item in collector.media] == [len(PHOTO)]


async def test_a_photo_that_calls_itself_text_does_not_mix_with_a_file_in_it(
    tmp_path: Path,
) -> None:
    raw = b"Subject: x\r\n\r\n" + PHOTO + b"\r\n" + uuencode(PHOTO, "a.png") + b"After.\r\n"
    _, collector = await sort(raw, tmp_path)
    assert [item.size for item in collector.media] == [len(PHOTO) + 2, len(PHOTO)]


async def test_a_large_photo_of_outlook_has_its_full_name_in_the_submission(tmp_path: Path) -> None:
    photo = File(name="Brann på Fløyen 火.png", content=PHOTO + bytes(2 << 20))
    head = b"Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    _, collector = await sort(head + tnef(photo), tmp_path)
    (item,) = collector.media
    assert (item.file_name, item.size) == (photo.name, len(photo.content))
    assert item.blob == "submissions/mail-x/media/1/BRANN ~1.DAT.png"
