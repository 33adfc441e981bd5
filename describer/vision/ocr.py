"""Text in a picture: PP-OCR by rapidocr, an extra that may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from describer.vision.boxes import to_box
from shared.description import TextLine

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_LEAST = 0.5
_MOST_LINES = 100


class TextModel:
    """Loads once, then reads pictures."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR  # an extra, and slow to import

        self._engine: Any = RapidOCR(
            params={
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Global.log_level": "critical",
            }
        )

    def lines(self, picture: Image.Image) -> tuple[TextLine, ...]:
        """Lines of at least 0.5, from top to bottom as the engine orders them."""
        found = self._engine(np.asarray(picture)[:, :, ::-1])  # the engine wants BGR
        if found.boxes is None:
            return ()
        size = np.array(picture.size, dtype=np.float32)
        return tuple(
            TextLine(text=text, confidence=round(float(score), 4), box=to_box(_hull(box / size)))
            for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
            if score >= _LEAST
        )[:_MOST_LINES]


def _hull(points: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])
