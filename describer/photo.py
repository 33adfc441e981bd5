"""Opens a photo safely: only known formats, only up to a number of pixels, whatever it claims."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pi_heif  # pyright: ignore[reportMissingTypeStubs]
from PIL import Image, ImageFile

from describer.budget import MOST_SCANS, photo_alarm_s
from describer.exif import read_exif
from describer.jpeg import has_more_scans
from describer.media import DECODER_ERRORS, Frame, Reading, UnreadableMediaError, opened_media
from describer.pixels import to_rgb, upright, upright_size
from shared.model import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from describer.media import Limits

pi_heif.register_heif_opener()  # pyright: ignore[reportUnknownMemberType]

# What cameras, phones and web pages make. Pillow knows 30 more, each a door that nobody needs.
_FORMATS = (
    "JPEG", "PNG", "GIF", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "JPEG2000",
)  # fmt: skip
_PARTLY_READABLE = frozenset({"JPEG", "MPO", "PNG"})
_CANNOT_BE_BLENDED = frozenset({"1", "P", "PA"})
_IN_SCANS = frozenset({"JPEG", "MPO"})
_TOO_MANY_SCANS = (
    f"The photo is drawn in more than {MOST_SCANS} passes; no camera or program needs so many."
)
_CUT_OFF = "The file is cut off; only its upper part could be read."


def read_photo(media: BinaryIO | Path, limits: Limits) -> Reading:
    """Open, check, scale down and turn upright. Raises UnreadableMediaError."""
    limits.set_alarm(photo_alarm_s(0))
    Image.MAX_IMAGE_PIXELS = limits.max_pixels  # Pillow's one switch; some formats check within
    try:
        with opened_media(media) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _read(file, limits)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as exc:
        raise UnreadableMediaError(_too_many_pixels(limits)) from exc
    except MemoryError as exc:
        raise UnreadableMediaError("The photo needs more memory than we allow.") from exc
    except Image.UnidentifiedImageError as exc:
        raise UnreadableMediaError("It is no photo in a format that we can read.") from exc
    except DECODER_ERRORS as exc:
        raise UnreadableMediaError("The photo is damaged and cannot be opened.") from exc


def _read(file: BinaryIO, limits: Limits) -> Reading:
    with Image.open(file, formats=_FORMATS) as opened:
        if opened.width * opened.height > limits.max_pixels:
            raise UnreadableMediaError(_too_many_pixels(limits))
        limits.set_alarm(photo_alarm_s(opened.width * opened.height))
        size, format_ = opened.size, opened.format
        if format_ in _IN_SCANS and has_more_scans(file, MOST_SCANS):
            raise UnreadableMediaError(_TOO_MANY_SCANS)
        capture, orientation = read_exif(opened)
        try:
            shrunk, notes = _shrink(opened, limits.longest_side), ()
        except OSError:
            if format_ not in _PARTLY_READABLE:
                raise
            shrunk, notes = _what_is_left(file, limits.longest_side), (_CUT_OFF,)
    picture = upright(to_rgb(shrunk), orientation)
    width, height = upright_size(size, orientation)
    return Reading(
        kind=Kind.PHOTO,
        frames=(Frame(picture=picture),),
        poster=picture,
        width=width,
        height=height,
        capture=capture,
        warnings=notes,
    )


def _shrink(opened: Image.Image, longest_side: int) -> Image.Image:
    """Decode, at a lower resolution where the format can (JPEG), and scale down in place."""
    scale = min(1.0, longest_side / max(opened.size))
    opened.draft("RGB", (int(opened.width * scale) or 1, int(opened.height * scale) or 1))
    opened.load()
    picture = to_rgb(opened) if opened.mode in _CANNOT_BE_BLENDED else opened
    deep = picture.mode.startswith(("I", "F"))
    picture.thumbnail(
        (longest_side, longest_side),
        Image.Resampling.NEAREST if deep else Image.Resampling.BICUBIC,
        reducing_gap=2.0,
    )
    return picture


def _what_is_left(file: BinaryIO, longest_side: int) -> Image.Image:
    """The upper part of a file that is cut off, if that is at least half of the picture."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        with Image.open(file, formats=_FORMATS) as opened:
            picture = _shrink(opened, longest_side)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    rows = np.asarray(picture.convert("L"))
    filled = np.flatnonzero(rows.max(axis=1) != rows.min(axis=1))
    if filled.size == 0 or filled[-1] < picture.height // 2:
        raise UnreadableMediaError("The photo is cut off: most of it is missing.")
    return picture


def _too_many_pixels(limits: Limits) -> str:
    return f"The photo has more than {limits.max_pixels / 1e6:,.0f} megapixels."
