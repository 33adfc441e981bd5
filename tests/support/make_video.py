"""Small videos for tests, made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def make_video(
    path: Path,
    *,
    seconds: int = 2,
    size: tuple[int, int] = (64, 48),
    codec: str = "mpeg4",
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> None:
    """Write a video of 10 frames a second whose colour changes every second."""
    container: Any  # PyAV's streams are typed by the literal names of codecs
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number in range(seconds * 10):
            pixels = np.full((size[1], size[0], 3), 40, dtype=np.uint8)
            pixels[:, : size[0] // 2] = (90 * (number // 10)) % 256
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def make_sound(path: Path) -> None:
    """Write a tenth of a second of silence."""
    container: Any
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        silence.sample_rate = 8000
        for packet in (*stream.encode(silence), *stream.encode()):
            container.mux(packet)
