"""How many faces: the tiny face detector of face-api, a small YOLO v2 with five anchors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from describer.models import load_session, manifest
from describer.vision.boxes import strongest

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 416
_LEAST = 0.5
_OVERLAP = 0.4
_ANCHORS = np.array(  # width and height in cells of the grid
    [
        (1.603231, 2.094468),
        (6.041143, 7.080126),
        (2.882459, 3.518061),
        (4.266906, 5.178857),
        (9.041765, 10.66308),
    ],
    dtype=np.float32,
)


class FaceModel:
    """Loads once, then counts faces in pictures."""

    def __init__(self) -> None:
        self._session = load_session(manifest()["faces"])

    def count(self, picture: Image.Image) -> int:
        """The number of faces of at least 0.5."""
        (grid,) = self._session.run(["out"], {"image": _tensor(picture)})
        side: int = grid.shape[1]
        cells = grid.reshape(side, side, len(_ANCHORS), 5)
        scores = _sigmoid(cells[..., 4])
        rows, columns, anchors = np.nonzero(scores >= _LEAST)
        codes = cells[rows, columns, anchors]
        centres = _sigmoid(codes[:, :2]) + np.stack([columns, rows], axis=1)
        halves = np.exp(codes[:, 2:4]) * _ANCHORS[anchors] / 2
        corners = (np.concatenate([centres - halves, centres + halves], axis=1) / side).astype(
            np.float32
        )
        return len(strongest(corners, scores[rows, columns, anchors], _OVERLAP))


def _tensor(picture: Image.Image) -> NDArray[np.float32]:
    """Shape (1, 416, 416, 3): scaled without distortion, black below or on the right."""
    scale = _SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    square = np.zeros((1, _SIDE, _SIDE, 3), dtype=np.float32)
    small = picture.resize((width, height), Image.Resampling.BILINEAR)
    square[0, :height, :width] = np.asarray(small)
    return square


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return (1.0 / (1.0 + np.exp(-values))).astype(np.float32)
