"""Container metadata of a video (QuickTime, MP4, Matroska) into when, where and which camera."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from describer.exif import camera_name, plausible_place
from shared.description import Capture, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

_OLDEST_YEAR = 1990  # QuickTime counts from 1904, Unix from 1970: both mean "never set"

# Phones write the local time with its offset beside the container's own UTC time.
_TIME_KEYS = ("com.apple.quicktime.creationdate", "creation_time", "date")
_PLACE_KEYS = ("com.apple.quicktime.location.iso6709", "location", "location-eng")
_MAKE_KEYS = ("com.apple.quicktime.make", "com.android.manufacturer", "make")
_MODEL_KEYS = ("com.apple.quicktime.model", "com.android.model", "model")

# ISO 6709 annex H: degrees as ±DD.D±DDD.D, with an optional altitude in metres.
_ISO6709 = re.compile(r"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?")
_OFFSET = re.compile(r"([+-]\d\d)(\d\d)$")  # QuickTime leaves out the colon


def read_metadata(metadata: Mapping[str, str]) -> Capture:
    """What the camera wrote; junk is left out."""
    known = {key.lower(): value for key, value in metadata.items()}

    def first(keys: tuple[str, ...]) -> str:
        return next((known[key].strip() for key in keys if known.get(key, "").strip()), "")

    times = (_rfc3339(known.get(key, "")) for key in _TIME_KEYS)
    return Capture(
        time=next((time for time in times if time), ""),
        place=_place(first(_PLACE_KEYS)),
        camera=camera_name(first(_MAKE_KEYS), first(_MODEL_KEYS)),
    )


def _rfc3339(text: str) -> str:
    """FFmpeg joins the times of repeated boxes by semicolons; the first one counts."""
    first = _OFFSET.sub(r"\1:\2", text.split(";", 1)[0].strip())
    try:
        moment = datetime.fromisoformat(first)
    except ValueError:
        return ""
    if moment.year < _OLDEST_YEAR:
        return ""
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _place(text: str) -> Place | None:
    found = _ISO6709.match(text)
    if not found:
        return None
    latitude, longitude, altitude = found.groups()
    return plausible_place(float(latitude), float(longitude), float(altitude) if altitude else None)
