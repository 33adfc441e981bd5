"""Some frames that stand for a video: evenly spread, found by seeking, near-duplicates dropped."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image

from describer.media import Frame
from describer.pixels import grey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from describer.budget import VideoBudget

_FEWEST, _MOST = 4, 12
_FORWARD_PIXELS = 100_000_000  # to decode from a key frame towards the wanted time, at the most
_FORWARD_LEAST, _FORWARD_MOST = 10, 1000  # frames, however large or small
_PACKETS_A_FRAME = 2  # the two fields of an interlaced picture
_PACKETS_IN_ADVANCE = 64  # that a decoder takes before its first frame; the standards allow 16
_SAME = 4.0  # mean difference of brightness (0..255) below which two frames are the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """An open video: its container, the stream with the pictures, and where its clock starts.

    `lead_s`: in containers without an index a seek lands late, so aim this much earlier.
    """

    container: InputContainer
    stream: VideoStream
    start_s: float
    duration_ms: int
    budget: VideoBudget
    lead_s: float = 0.0

    def decode(self, most: int) -> Iterator[VideoFrame]:
        """Up to `most` frames from here on. Damaged packets are skipped; damage ends it early, as
        do many packets that give no frame, and a budget that is spent.
        """
        left, last = most, self.budget.decoded + _PACKETS_A_FRAME * most + _PACKETS_IN_ADVANCE
        packets = self.container.demux(self.stream)
        while left > 0 and self.budget.decoded < last and self.budget.read_packet():
            try:
                packet = next(packets)
            except (StopIteration, FFmpegError):
                return
            for frame in self._frames(packet)[:left]:
                left -= 1
                yield frame

    def _frames(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """What comes out for a packet; it counts for what goes in."""
        before = self.stream.width * self.stream.height
        frames: list[VideoFrame] = []
        with suppress(FFmpegError):
            frames = packet.decode()
        # Where the decoder is told to skip, only key frames cost anything.
        if frames or packet.is_keyframe or self.stream.codec_context.skip_frame != "NONKEY":
            self.budget.decode_packet(max(before, self.stream.width * self.stream.height))
        return frames

    def seek(self, seconds: float) -> bool:
        """Go to the last key frame before a time; False when the file allows no seeking."""
        target = self.start_s + max(0.0, seconds - self.lead_s)
        try:
            self.container.seek(round(target * av.time_base), backward=True)
        except FFmpegError:
            return False
        return True

    def time_ms(self, frame: VideoFrame) -> int:
        """When a frame is shown, counted from the start; 0 when the file does not say."""
        return max(0, round(((frame.time or self.start_s) - self.start_s) * 1000))


def sample_frames(footage: Footage, longest_side: int) -> tuple[Frame, ...]:
    """Frames near the wanted times, upright, in order. Empty when none can be decoded."""
    frames: list[Frame] = []
    for wanted_ms in wanted_times(footage.duration_ms):
        decoded = _frame_at(footage, wanted_ms)
        if decoded is None:
            continue
        frame = Frame(picture=to_picture(decoded, longest_side), t_ms=footage.time_ms(decoded))
        if not frames or not _look_alike(frames[-1].picture, frame.picture):
            frames.append(frame)
    return tuple(frames)


def wanted_times(duration_ms: int) -> tuple[int, ...]:
    """One frame for every two seconds, 4 to 12 of them, in the middle of equal parts."""
    count = max(_FEWEST, min(_MOST, duration_ms // 2000))
    return tuple((2 * part + 1) * duration_ms // (2 * count) for part in range(count))


def to_picture(frame: VideoFrame, longest_side: int) -> Image.Image:
    """A frame as RGB, scaled down and turned as the phone was held."""
    scale = min(1.0, longest_side / max(frame.width, frame.height))
    small = frame.reformat(
        width=max(2, round(frame.width * scale)),
        height=max(2, round(frame.height * scale)),
        format="rgb24",
    )
    picture = Image.fromarray(small.to_ndarray())
    return picture.rotate(frame.rotation, expand=True) if frame.rotation % 360 else picture


def best_poster(frames: tuple[Frame, ...]) -> Image.Image:
    """The frame with the most contrast: neither black, nor a fade, nor a wall."""
    return max((frame.picture for frame in frames), key=lambda p: float(grey(p, 32, 32).std()))


def _frame_at(footage: Footage, wanted_ms: int) -> VideoFrame | None:
    if not footage.seek(wanted_ms / 1000):
        return None
    pixels = max(1, footage.stream.width * footage.stream.height)
    most = min(max(_FORWARD_LEAST, _FORWARD_PIXELS // pixels), _FORWARD_MOST)
    best: VideoFrame | None = None
    for best in footage.decode(most):
        if footage.time_ms(best) >= wanted_ms:
            break
    return best


def _look_alike(one: Image.Image, other: Image.Image) -> bool:
    return float(np.abs(grey(one, 32, 32) - grey(other, 32, 32)).mean()) < _SAME
