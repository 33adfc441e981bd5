"""Opens a video within limits and reads its facts, some frames of it, and where it cuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import av
from av import logging
from av.stream import Disposition

from describer.budget import VIDEO_ALARM_S, VideoBudget
from describer.frames import Footage, best_poster, sample_frames
from describer.media import DECODER_ERRORS, Reading, UnreadableMediaError, opened_media
from describer.quicktime import read_metadata
from describer.shots import shot_starts
from shared.description import VideoFacts
from shared.model import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream

    from describer.media import Frame, Limits

logging.set_level(None)  # FFmpeg writes a line for every damaged packet

# Only containers that hold their own pictures: a playlist (HLS, DASH, concat) would make FFmpeg
# open other files and addresses, and a still picture is no video.
_CONTAINERS = "mov,matroska,avi,flv,mpeg,mpegts,mpegvideo,m4v,asf,mxf,ogg,h264,hevc"
_WITHOUT_INDEX = frozenset({"mpegts", "mpeg"})
_DAMAGED = "It is no video that we can read, or it is damaged or cut off."


def read_video(media: BinaryIO | Path, limits: Limits) -> Reading:
    """Open, read the facts, sample frames, find cuts. Raises UnreadableMediaError."""
    limits.set_alarm(VIDEO_ALARM_S)
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "fd"}
    try:
        with (
            opened_media(media) as file,
            av.open("fd:", container_options=options | {"fd": str(file.fileno())}) as container,
        ):
            return _read(container, limits)
    except MemoryError as exc:
        raise UnreadableMediaError("The video needs more memory than we allow.") from exc
    except DECODER_ERRORS as exc:
        raise UnreadableMediaError(_DAMAGED) from exc


def _read(container: InputContainer, limits: Limits) -> Reading:
    stream = _pictures(container)
    if stream.width * stream.height > limits.max_pixels:
        raise UnreadableMediaError(
            f"The video has more than {limits.max_pixels / 1e6:,.0f} megapixels a frame."
        )
    stream.codec_context.thread_count = 1  # one describer process per core
    # The pictures themselves may be larger than the container says.
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    budget = VideoBudget.of(stream.width * stream.height)
    footage = Footage(
        container=container,
        stream=stream,
        start_s=(container.start_time or 0) / av.time_base,
        duration_ms=_duration_ms(container, stream, budget),
        budget=budget,
        lead_s=2.0 if container.format.name in _WITHOUT_INDEX else 0.0,
    )
    frames = sample_frames(footage, limits.longest_side)
    if not frames:
        raise UnreadableMediaError(_no_picture(budget))
    return _reading(footage, frames)


def _reading(footage: Footage, frames: tuple[Frame, ...]) -> Reading:
    stream, poster, shots = footage.stream, best_poster(frames), shot_starts(footage)
    turned = (poster.width > poster.height) != (stream.width > stream.height)
    width, height = (stream.width, stream.height)[:: -1 if turned else 1]
    return Reading(
        kind=Kind.VIDEO,
        frames=frames,
        poster=poster,
        width=width,
        height=height,
        capture=read_metadata(footage.container.metadata),
        video=VideoFacts(
            duration_ms=footage.duration_ms,
            shots_ms=shots,
            keyframes_ms=tuple(frame.t_ms or 0 for frame in frames),
            codec=stream.codec_context.name,
            width=width,
            height=height,
            frames_per_second=round(float(stream.average_rate or 0), 3),
        ),
        warnings=_unseen(footage.budget),
    )


def _unseen(budget: VideoBudget) -> tuple[str, ...]:
    """What is said of a video that was not looked at whole, because its budget was spent."""
    return (f"Only part of the video was looked at: {budget.spent}.",) if budget.spent else ()


def _no_picture(budget: VideoBudget) -> str:
    if budget.spent:
        return f"The video shows no picture where we looked: {budget.spent}."
    return "No picture of the video can be decoded."


def _pictures(container: InputContainer) -> VideoStream:
    """The first stream of moving pictures; the cover of a music file is none."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise UnreadableMediaError("The file holds no moving pictures.")


def _duration_ms(container: InputContainer, stream: VideoStream, budget: VideoBudget) -> int:
    """As the file says, else (a live recording) by reading the times of all its packets."""
    if container.duration:
        return container.duration * 1000 // av.time_base
    if stream.duration:
        return round(stream.duration * stream.time_base * 1000)
    last = 0.0
    for packet in container.demux(stream):
        if not budget.read_packet():
            break
        if packet.pts is not None:
            last = max(last, float((packet.pts + (packet.duration or 0)) * stream.time_base))
    return max(0, round(last * 1000) - (container.start_time or 0) * 1000 // av.time_base)
