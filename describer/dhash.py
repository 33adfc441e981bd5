"""The difference hash: 64 bits that survive a smaller size, another quality and a slight crop.

Two pictures are the same to the eye when their hashes differ in few bits: 0 or 1 after another
encoding, about 10 after a crop of 5 %, about 32 for unrelated pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from describer.pixels import grey

if TYPE_CHECKING:
    from PIL import Image


def dhash(picture: Image.Image) -> str:
    """16 hex digits: for 8 rows of 9 cells, whether each cell is brighter than its left one."""
    cells = grey(picture, 9, 8)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes().hex()


def distance(one: str, other: str) -> int:
    """In how many of the 64 bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
