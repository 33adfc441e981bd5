"""What a picture shows as a whole: EfficientNet-Lite2 over the 1000 classes of ImageNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from describer.models import load_session, manifest
from shared.description import Label

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 260
_SHORT_SIDE = 292  # the model was trained on the middle of a slightly larger picture
_LEAST = 0.35
_MOST_LABELS = 5


class LabelModel:
    """Loads once, then names pictures."""

    def __init__(self) -> None:
        model = manifest()["labels"]
        self._source = model.id
        self._names = model.class_names()
        self._session = load_session(model)

    def labels(self, picture: Image.Image) -> tuple[Label, ...]:
        """Labels of at least 0.35, the surest first."""
        (rows,) = self._session.run(["probs"], {"image": _tensor(picture)})
        confidences: NDArray[np.float32] = rows[0]
        best: list[int] = np.argsort(confidences)[::-1][:_MOST_LABELS].tolist()
        return tuple(
            Label(
                name=self._names[index],
                confidence=round(float(confidences[index]), 4),
                source=self._source,
            )
            for index in best
            if confidences[index] >= _LEAST
        )


def _tensor(picture: Image.Image) -> NDArray[np.float32]:
    """Shape (1, 3, 260, 260), values -1..1."""
    scale = _SHORT_SIDE / min(picture.size)
    width, height = (max(_SIDE, round(side * scale)) for side in picture.size)
    left, top = (width - _SIDE) // 2, (height - _SIDE) // 2
    # Scale and crop in one step, so that a panorama is never blown up as a whole.
    box = tuple(edge / scale for edge in (left, top, left + _SIDE, top + _SIDE))
    middle = picture.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, box=_inside(box, picture))
    pixels = (np.asarray(middle, dtype=np.float32) - 127.0) / 128.0
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis])


def _inside(box: tuple[float, ...], picture: Image.Image) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return max(0.0, left), max(0.0, top), min(right, picture.width), min(bottom, picture.height)
