"""The small JPEG that stands for a photo or video in answers and on the desk."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

LONGEST_SIDE = 320  # pixels


def thumbnail(picture: Picture) -> bytes:
    """A JPEG of at most 320 pixels a side; its RGB source carries no metadata, so nor does it."""
    small = picture.copy()
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    out = BytesIO()
    small.save(out, "JPEG", quality=80)
    return out.getvalue()
