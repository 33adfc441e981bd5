"""Small files that ask a decoder for much more than they give."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

_SHOW_FRAME = 0x02  # VP9 bitstream, section 6.2: of the first byte of a frame of profile 0


def jpeg_of_many_scans(path: Path, *, scans: int, size: tuple[int, int] = (64, 48)) -> None:
    """Write a progressive JPEG whose last scan is there again and again, `scans` in all."""
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, "JPEG", progressive=True)
    jpeg = file.getvalue()
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    more = scans - jpeg.count(b"\xff\xda")
    path.write_bytes(jpeg[:-2] + last * more + b"\xff\xd9")


def video_never_shown(
    path: Path,
    *,
    packets: int,
    seconds: float = 4,
    size: tuple[int, int] = (64, 48),
    shown: int = 0,
) -> None:
    """Write a WebM of VP9 key frames of which only the first `shown` are for showing."""
    frame = _vp9_key_frame(size)
    container: Any
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx-vp9", rate=30)
        stream.width, stream.height = size
        for number in range(packets):
            packet = av.Packet(frame)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = round(number * seconds * 1000 / packets)
            packet.is_keyframe = True
            container.mux(packet)
    hidden = bytes([frame[0] & ~_SHOW_FRAME]) + frame[1:]
    first, *rest = path.read_bytes().split(frame)
    ends = [frame] * shown + [hidden] * (packets - shown)
    path.write_bytes(first + b"".join(e + part for e, part in zip(ends, rest, strict=True)))


def _vp9_key_frame(size: tuple[int, int]) -> bytes:
    container: Any
    with av.open(BytesIO(), "w", format="webm") as container:
        stream = container.add_stream("libvpx-vp9", rate=30)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        planes = np.full((size[1] * 3 // 2, size[0]), 100, np.uint8)
        planes[: size[1] // 2] = 200
        image = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        packets = [*stream.encode(image), *stream.encode()]
        return next(bytes(packet) for packet in packets if packet.size)
