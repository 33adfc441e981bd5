"""Pictures into the one form that everything else takes: RGB, upright, 8 bits, no metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UPRIGHT = {  # EXIF 2.32 section 4.6.4, tag Orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = frozenset({5, 6, 7, 8})


def upright(picture: Image.Image, orientation: object) -> Image.Image:
    """Turn a picture as its EXIF orientation says; junk values leave it as it is."""
    method = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return picture if method is None else picture.transpose(method)


def upright_size(size: tuple[int, int], orientation: object) -> tuple[int, int]:
    """The width and height that `upright` gives."""
    return (size[1], size[0]) if orientation in _SWAPS_SIDES else size


def to_rgb(picture: Image.Image) -> Image.Image:
    """As 8-bit RGB without metadata; what is transparent becomes white."""
    if picture.mode.startswith(("I", "F")):
        picture = _to_8_bits(picture)
    if picture.has_transparency_data:
        overlay = picture.convert("RGBA")
        rgb = Image.new("RGB", overlay.size, "white")
        rgb.paste(overlay, mask=overlay.getchannel("A"))
        return rgb
    rgb = picture.convert("RGB")
    rgb.info = {}  # Pillow writes comments and profiles of `info` into the files that it saves
    return rgb


def grey(picture: Image.Image, width: int, height: int) -> NDArray[np.int16]:
    """Brightness 0..255 on a small grid, shape (height, width)."""
    small = picture.convert("L").resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.int16)


def _to_8_bits(picture: Image.Image) -> Image.Image:
    """Deep grey pictures: the darkest value to black, the brightest to white."""
    values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
    return Image.fromarray(scaled.astype(np.uint8))
