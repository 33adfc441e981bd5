"""EXIF of a photo into when, where and with which camera; cameras and phones write much junk.

Each value stands alone: a broken one is left out and never costs the others. Tags and their forms
are those of EXIF 2.32 (CIPA DC-008).
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from PIL.ExifTags import GPS, IFD, Base

from describer.media import DECODER_ERRORS
from shared.description import Capture, Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL import Image

_OLDEST_YEAR = 1990  # before, it is a camera whose clock was never set
_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d|Z")
_LONGEST_NAME = 100


def read_exif(picture: Image.Image) -> tuple[Capture, int]:
    """What the camera wrote, and the orientation (1 when unknown)."""
    try:
        main: Mapping[int, Any] = picture.getexif()
        shot: Mapping[int, Any] = picture.getexif().get_ifd(IFD.Exif)
        gps: Mapping[int, Any] = picture.getexif().get_ifd(IFD.GPSInfo)
    except DECODER_ERRORS:
        return Capture(), 1
    capture = Capture(time=_time(main, shot), place=_place(gps), camera=_camera(main))
    orientation = main.get(Base.Orientation, 1)
    return capture, orientation if isinstance(orientation, int) else 1


def camera_name(make: str, model: str) -> str:
    """Make and model in one; many models repeat the make ("NIKON CORPORATION" "NIKON D3")."""
    repeats = bool(make) and model.lower().startswith(make.split()[0].lower())
    return (model if repeats else f"{make} {model}").strip()[:_LONGEST_NAME]


def plausible_place(latitude: float, longitude: float, altitude: float | None) -> Place | None:
    """A place on earth, or None; exactly 0, 0 is what a phone without a fix writes."""
    on_earth = abs(latitude) <= 90 and abs(longitude) <= 180  # False for NaN as well
    if not on_earth or (latitude, longitude) == (0.0, 0.0):
        return None
    known = altitude is not None and math.isfinite(altitude) and abs(altitude) < 100_000
    return Place(
        latitude=round(latitude, 6),
        longitude=round(longitude, 6),
        altitude=round(altitude, 1) if known and altitude is not None else None,
    )


def _camera(main: Mapping[int, Any]) -> str:
    return camera_name(_text(main.get(Base.Make)), _text(main.get(Base.Model)))


def _time(main: Mapping[int, Any], shot: Mapping[int, Any]) -> str:
    candidates = (
        (shot.get(Base.DateTimeOriginal), shot.get(Base.OffsetTimeOriginal)),
        (shot.get(Base.DateTimeDigitized), shot.get(Base.OffsetTimeDigitized)),
        (main.get(Base.DateTime), shot.get(Base.OffsetTime)),
    )
    times = (_rfc3339(_text(time), _text(offset)) for time, offset in candidates)
    return next((time for time in times if time), "")


def _rfc3339(time: str, offset: str) -> str:
    found = _TIME.match(time)
    if not found:
        return ""
    year, month, day, *clock = found.groups()
    try:
        moment = datetime.fromisoformat(f"{year}-{month}-{day}T{':'.join(clock)}")
    except ValueError:
        return ""  # "1999:99:99" and the like
    if moment.year < _OLDEST_YEAR:
        return ""
    return moment.isoformat() + (offset if _OFFSET.fullmatch(offset) else "")


def _place(gps: Mapping[int, Any]) -> Place | None:
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "N", "S")
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "E", "W")
    if latitude is None or longitude is None:
        return None
    altitude = _number(gps.get(GPS.GPSAltitude))
    below_sea = gps.get(GPS.GPSAltitudeRef) in (1, b"\x01")
    return plausible_place(latitude, longitude, -altitude if altitude and below_sea else altitude)


def _degrees(
    value: object, ref: object, positive: Literal["N", "E"], negative: Literal["S", "W"]
) -> float | None:
    """Degrees, minutes, seconds to degrees. Without its reference a value could be either side."""
    side = _text(ref).upper()
    if side not in (positive, negative) or not isinstance(value, tuple | list):
        return None
    sequence = cast("Sequence[object]", value)
    parts = [_number(part) for part in sequence]
    if not 1 <= len(parts) <= 3 or any(part is None for part in parts):
        return None
    degrees = sum((part or 0.0) / 60**power for power, part in enumerate(parts))
    return -degrees if side == negative else degrees


def _number(value: object) -> float | None:
    try:
        number = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str:
    """EXIF text: bytes or str, cut at the first NUL, printable characters only."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
    return "".join(c for c in text.split("\0", 1)[0] if c.isprintable()).strip()
