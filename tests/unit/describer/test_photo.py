from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from describer.dhash import dhash, distance
from describer.media import Limits, UnreadableMediaError
from describer.photo import read_photo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cat(media: Path) -> Image.Image:
    return Image.open(media / "cat.jpg").convert("RGB")


@pytest.mark.parametrize(
    ("format_", "mode"),
    [
        ("AVIF", "RGB"),
        ("WEBP", "RGBA"),
        ("TIFF", "CMYK"),
        ("TIFF", "RGB"),
        ("JPEG2000", "RGB"),
        ("GIF", "P"),
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("PNG", "1"),
        ("BMP", "RGB"),
        ("JPEG", "L"),
    ],
)
def test_every_common_format_is_read(
    cat: Image.Image, tmp_path: Path, limits: Limits, format_: str, mode: str
) -> None:
    cat.convert(mode).save(tmp_path / "photo", format_)
    reading = read_photo(tmp_path / "photo", limits)
    assert (reading.width, reading.height) == (451, 300)
    assert reading.poster.mode == "RGB"
    assert distance(dhash(reading.poster), dhash(cat)) <= 4


def test_a_heic_of_a_phone_is_read_upright_with_its_exif(media: Path, limits: Limits) -> None:
    reading = read_photo(media / "cat_exif_gps.heic", limits)
    assert reading.poster.size == (reading.width, reading.height) == (300, 451)
    assert reading.capture.camera == "Apple iPhone 15"


def test_the_preview_of_a_dng_is_read(media: Path, limits: Limits) -> None:
    assert read_photo(media / "p.dng", limits).width == 64


def test_a_16_bit_photo_is_not_white(tmp_path: Path, limits: Limits) -> None:
    deep = Image.new("I;16", (64, 64), 1000)
    deep.paste(40000, (0, 0, 32, 64))
    deep.save(tmp_path / "deep.png")
    poster = read_photo(tmp_path / "deep.png", limits).poster
    assert poster.getpixel((5, 5)) == (255, 255, 255)
    assert poster.getpixel((60, 5)) == (0, 0, 0)


def test_what_is_transparent_becomes_white(tmp_path: Path, limits: Limits) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    poster = read_photo(tmp_path / "clear.png", limits).poster
    assert poster.getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(
    cat: Image.Image, tmp_path: Path, limits: Limits, orientation: int
) -> None:
    turned = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    stored = cat
    for step in turned:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.jpg", exif=exif)
    reading = read_photo(tmp_path / "turned.jpg", limits)
    assert (reading.width, reading.height) == (451, 300)
    assert distance(dhash(reading.poster), dhash(cat)) <= 2


def test_a_large_photo_is_scaled_down_but_keeps_its_true_size(
    cat: Image.Image, tmp_path: Path, limits: Limits
) -> None:
    cat.resize((4000, 3000)).save(tmp_path / "large.jpg")
    reading = read_photo(tmp_path / "large.jpg", limits)
    assert (reading.width, reading.height) == (4000, 3000)
    assert reading.poster.size == (832, 624)


def test_a_very_long_strip_is_read(tmp_path: Path, limits: Limits) -> None:
    Image.new("RGB", (20_000, 1), "red").save(tmp_path / "strip.jpg")
    assert read_photo(tmp_path / "strip.jpg", limits).poster.height == 1


def _png_of(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [7072, 12_000, 100_000])
def test_a_pixel_bomb_is_refused_by_its_header(tmp_path: Path, limits: Limits, side: int) -> None:
    (tmp_path / "bomb.png").write_bytes(_png_of(side, side))
    with pytest.raises(UnreadableMediaError, match="more than 50 megapixels"):
        read_photo(tmp_path / "bomb.png", limits)


def test_a_photo_that_lacks_its_end_is_described_with_a_warning(
    media: Path, tmp_path: Path, limits: Limits
) -> None:
    whole = (media / "coffee.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 8 // 10])
    reading = read_photo(tmp_path / "cut.jpg", limits)
    assert reading.warnings == ("The file is cut off; only its upper part could be read.",)
    assert (reading.width, reading.height) == (600, 400)


def test_a_photo_of_which_most_is_missing_is_unreadable(
    media: Path, tmp_path: Path, limits: Limits
) -> None:
    whole = (media / "coffee.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 10])
    with pytest.raises(UnreadableMediaError, match="most of it is missing"):
        read_photo(tmp_path / "cut.jpg", limits)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 5000,
        b"%PDF-1.7",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"II*\0",
        b"<svg/>",
        b"%!PS-Adobe",
    ],
)
def test_what_is_no_photo_is_unreadable(tmp_path: Path, limits: Limits, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UnreadableMediaError, match=r"\.$"):
        read_photo(tmp_path / "file", limits)


@pytest.mark.parametrize("name", ["cat.jpg", "cat_exif_gps.heic", "p.dng"])
def test_damage_anywhere_never_raises_anything_else(
    media: Path, tmp_path: Path, limits: Limits, name: str
) -> None:
    whole = (media / name).read_bytes()
    for position in range(0, len(whole), len(whole) // 24):
        damaged = bytearray(whole)
        damaged[position : position + 16] = bytes(16)
        (tmp_path / name).write_bytes(damaged)
        try:
            read_photo(tmp_path / name, limits)
        except UnreadableMediaError:
            continue


def test_formats_that_nobody_sends_are_not_tried(tmp_path: Path, limits: Limits) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "old.tga")
    with pytest.raises(UnreadableMediaError, match="no photo in a format"):
        read_photo(tmp_path / "old.tga", limits)
