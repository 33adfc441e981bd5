from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from describer.photo import read_photo
from describer.thumbnail import thumbnail

if TYPE_CHECKING:
    from pathlib import Path

    from describer.media import Limits


def test_a_thumbnail_is_small_and_carries_no_metadata(
    media: Path, tmp_path: Path, limits: Limits
) -> None:
    source = Image.open(media / "cat_exif_gps_orient6.jpg")
    source.save(
        tmp_path / "told.jpg", exif=source.getexif(), comment=b"secret", icc_profile=b"x" * 99
    )
    made = thumbnail(read_photo(tmp_path / "told.jpg", limits).poster)
    small = Image.open(BytesIO(made))
    assert small.format == "JPEG"
    assert small.size == (320, 213)
    assert not set(small.info) & {"exif", "comment", "icc_profile", "xmp"}
    assert b"secret" not in made
    assert len(made) < 30_000


def test_a_small_photo_is_not_blown_up() -> None:
    assert Image.open(BytesIO(thumbnail(Image.new("RGB", (40, 30))))).size == (40, 30)
