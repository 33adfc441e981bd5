"""Where a video cuts from one shot to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from describer.frames import Footage

_EVERY = 5  # frames: a cut is found to within a fifth of a second
_CUT = 30.0  # mean difference of the colours (0..255) of two frames that makes a cut

# Pixels to decode for this, one to two seconds of a core. A longer video is judged by its key
# frames only, which encoders set at cuts.
_PIXEL_BUDGET = 400_000_000
_MOST_FRAMES = 20_000  # however small they are


def shot_starts(footage: Footage) -> tuple[int, ...]:
    """The times in milliseconds at which shots begin, 0 first."""
    pixels = max(1, footage.stream.width * footage.stream.height)
    rate = float(footage.stream.average_rate or 30)
    whole = footage.duration_ms / 1000 * rate * pixels <= _PIXEL_BUDGET
    if not footage.seek(0):
        return (0,)
    footage.stream.codec_context.skip_frame = "DEFAULT" if whole else "NONKEY"
    starts, before = [0], None
    most = min(_MOST_FRAMES, _PIXEL_BUDGET // pixels + 1)
    for count, frame in enumerate(footage.decode(most)):
        if whole and count % _EVERY:
            continue
        colours = _colours(frame)
        if before is not None and float(np.abs(colours - before).mean()) > _CUT:
            starts.append(footage.time_ms(frame))
        before = colours
    return tuple(starts)


def _colours(frame: VideoFrame) -> NDArray[np.int16]:
    return frame.reformat(width=32, height=24, format="rgb24").to_ndarray().astype(np.int16)
