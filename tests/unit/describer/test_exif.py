from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from describer.exif import camera_name, read_exif
from describer.media import Limits
from describer.photo import read_photo
from shared.description import Capture, Place

if TYPE_CHECKING:
    from pathlib import Path


def _captured(main: dict[int, Any], shot: dict[int, Any], gps: dict[int, Any]) -> Capture:
    picture = Image.new("RGB", (4, 4))
    exif = picture.getexif()
    exif.update(main)
    exif.get_ifd(0x8769).update(shot)
    exif.get_ifd(0x8825).update(gps)
    return read_exif(picture)[0]


def test_time_place_and_camera_of_a_phone_are_read(media: Path, limits: Limits) -> None:
    reading = read_photo(media / "cat_exif_gps_orient6.jpg", limits)
    assert (reading.width, reading.height) == (451, 300)
    assert reading.capture == Capture(
        time="2026-11-20T08:15:30+02:00",
        place=Place(latitude=60.170833, longitude=24.9375),
        camera="Apple iPhone 15",
    )


def test_a_photo_without_exif_has_an_empty_capture(media: Path, limits: Limits) -> None:
    assert read_photo(media / "cat.jpg", limits).capture == Capture()


@pytest.mark.parametrize(
    ("written", "offset", "read"),
    [
        ("2026:11:20 08:15:30", "+02:00", "2026-11-20T08:15:30+02:00"),
        ("2026:11:20 08:15:30", None, "2026-11-20T08:15:30"),
        ("2026:11:20 08:15:30", "+99:99", "2026-11-20T08:15:30"),
        ("2026-11-20T08:15:30", None, "2026-11-20T08:15:30"),
        ("1999:99:99 99:99:99", None, ""),
        ("0000:00:00 00:00:00", None, ""),
        ("1970:01:01 00:00:00", None, ""),
        ("    :  :     :  :  ", None, ""),
        ("", None, ""),
        (b"2026:11:20 08:15:30\0junk", None, "2026-11-20T08:15:30"),
        (12345, None, ""),
    ],
)
def test_only_a_plausible_time_counts(written: Any, offset: Any, read: str) -> None:
    assert _captured({}, {0x9003: written, 0x9011: offset}, {}).time == read


def test_the_time_of_the_file_stands_in_for_the_time_of_the_shot() -> None:
    captured = _captured({0x0132: "2025:01:02 03:04:05"}, {0x9003: "0000:00:00 00:00:00"}, {})
    assert captured.time == "2025-01-02T03:04:05"


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        (
            {1: "S", 2: (33.0, 51.0, 30.0), 3: "W", 4: (70.0, 30.0, 0.0), 5: b"\1", 6: 12.0},
            Place(latitude=-33.858333, longitude=-70.5, altitude=-12.0),
        ),
        ({1: "N", 2: (60.5,), 3: "E", 4: (24.25,)}, Place(latitude=60.5, longitude=24.25)),
        ({2: (60.0, 10.0, 15.0), 4: (24.0, 56.0, 15.0)}, None),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (24.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (float("nan"), 0.0, 0.0), 3: "E", 4: (24.0, 0.0, 0.0)}, None),
        ({1: "N", 2: 60.0, 3: "E", 4: 24.0}, None),
        ({1: "N", 2: "60", 3: "E", 4: "24"}, None),
        ({1: "N", 2: (1, 2, 3, 4), 3: "E", 4: (24.0,)}, None),
        ({1: 7, 2: (60.0,), 3: None, 4: (24.0,)}, None),
    ],
)
def test_only_a_plausible_place_counts(gps: dict[int, Any], place: Place | None) -> None:
    assert _captured({}, {}, gps).place == place


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("NIKON CORPORATION", "NIKON D3", "NIKON D3"),
        ("", "Pixel 9", "Pixel 9"),
        ("Canon", "", "Canon"),
        ("", "", ""),
    ],
)
def test_a_camera_is_named_once(make: str, model: str, name: str) -> None:
    assert camera_name(make, model) == name


def test_broken_exif_costs_nothing_but_itself(media: Path, tmp_path: Path, limits: Limits) -> None:
    photo = bytearray((media / "cat_exif_gps_orient6.jpg").read_bytes())
    start = photo.index(b"Exif\0\0") + 6
    for position in range(start, start + 200, 7):
        broken = photo[:position] + b"\xff" * 6 + photo[position + 6 :]
        (tmp_path / "broken.jpg").write_bytes(broken)
        assert sorted(read_photo(tmp_path / "broken.jpg", limits).poster.size) == [300, 451]
