"""Boxes in pictures: (left, top, right, bottom) while we compute, (x, y, width, height) outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.description import Box

type Corners = NDArray[np.float32]  # shape (n, 4): left, top, right, bottom as fractions
type Scores = NDArray[np.float32]  # shape (n,)


def strongest(corners: Corners, scores: Scores, overlap: float) -> list[int]:
    """Non-maximum suppression: the indices of the best box of each heap, best first."""
    order = np.argsort(scores)[::-1]
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        order = rest[_overlap(corners[best], corners[rest]) < overlap]
    return kept


def to_box(corners: NDArray[np.float32]) -> Box:
    """One row of corners, cut at the edges of the picture."""
    left, top, right, bottom = (round(float(v), 4) for v in np.clip(corners, 0.0, 1.0))
    return left, top, round(right - left, 4), round(bottom - top, 4)


def _overlap(one: NDArray[np.float32], others: Corners) -> NDArray[np.float32]:
    """Intersection over union of one box with each of the others."""
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    shared = np.prod(np.clip(sides, 0.0, None), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    union = np.prod(one[2:] - one[:2]) + areas - shared
    return (shared / np.maximum(union, 1e-9)).astype(np.float32)
