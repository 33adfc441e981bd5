"""Which things are where: SSDLite-MobileNetV2 over the classes of COCO."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from describer.models import load_session, manifest
from describer.vision.boxes import Corners, strongest, to_box
from shared.description import DetectedObject

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 300
_LEAST = 0.6
_OVERLAP = 0.5
_MOST_OBJECTS = 50
_CENTRE_VARIANCE, _SIZE_VARIANCE = np.float32(0.1), np.float32(0.2)  # of the SSD box coder


class ObjectModel:
    """Loads once, then finds things in pictures."""

    def __init__(self) -> None:
        model = manifest()["objects"]
        self._names = model.class_names()
        self._session = load_session(model)

    def objects(self, picture: Image.Image, t_ms: int | None) -> tuple[DetectedObject, ...]:
        """Things of at least 0.6, the surest first."""
        small = picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        pixels = np.asarray(small, dtype=np.float32)[np.newaxis]
        scores, codes, anchors = self._session.run(
            ["scores", "box_enc", "anchors"], {"image": pixels}
        )
        corners = _decode(codes[0], anchors)
        found = self._of_each_class(corners, scores[0, :, 1:], t_ms)  # class 0 is background
        return tuple(sorted(found, key=lambda o: -o.confidence)[:_MOST_OBJECTS])

    def _of_each_class(
        self, corners: Corners, scores: NDArray[np.float32], t_ms: int | None
    ) -> list[DetectedObject]:
        found: list[DetectedObject] = []
        for index in np.flatnonzero(scores.max(axis=0) >= _LEAST):
            likely = np.flatnonzero(scores[:, index] >= _LEAST)
            for kept in strongest(corners[likely], scores[likely, index], _OVERLAP):
                row = likely[kept]
                found.append(
                    DetectedObject(
                        name=self._names[index],
                        confidence=round(float(scores[row, index]), 4),
                        box=to_box(corners[row]),
                        t_ms=t_ms,
                    )
                )
        return found


def _decode(codes: NDArray[np.float32], anchors: NDArray[np.float32]) -> Corners:
    """SSD box codes (dy, dx, log h, log w) around anchors (top, left, bottom, right)."""
    sizes = anchors[:, 2:] - anchors[:, :2]
    centres = codes[:, :2] * _CENTRE_VARIANCE * sizes + (anchors[:, :2] + sizes / 2)
    halves = np.exp(codes[:, 2:] * _SIZE_VARIANCE) * sizes / 2
    corners = np.concatenate([centres - halves, centres + halves], axis=1)
    return corners[:, [1, 0, 3, 2]].astype(np.float32)
