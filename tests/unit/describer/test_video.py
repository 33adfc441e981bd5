from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from describer.frames import wanted_times
from describer.media import Limits, UnreadableMediaError
from describer.pixels import grey
from describer.quicktime import read_metadata
from describer.video import read_video
from shared.description import Capture, Place
from tests.support.make_video import make_sound, make_video

if TYPE_CHECKING:
    from pathlib import Path


def test_the_facts_of_a_video_are_read(media: Path, limits: Limits) -> None:
    reading = read_video(media / "scenes3.mp4", limits)
    assert reading.video is not None
    assert reading.video.duration_ms == 6000
    assert reading.video.shots_ms == (0, 2000, 4000)
    assert reading.video.codec == "h264"
    assert (reading.video.width, reading.video.height) == (320, 240)
    assert reading.video.frames_per_second == 25.0
    assert reading.video.keyframes_ms == tuple(frame.t_ms for frame in reading.frames)
    assert reading.capture == Capture(
        time="2026-11-20T08:15:30Z",
        place=Place(latitude=60.1708, longitude=24.9375, altitude=10.0),
        camera="Apple iPhone 15",
    )


def test_every_scene_of_a_video_has_a_frame(media: Path, limits: Limits) -> None:
    frames = read_video(media / "scenes3.mp4", limits).frames
    assert {(frame.t_ms or 0) // 2000 for frame in frames} == {0, 1, 2}
    assert 3 <= len(frames) <= 4


@pytest.mark.parametrize(
    ("duration_ms", "count"), [(0, 4), (500, 4), (8000, 4), (13_000, 6), (24_000, 12), (10**9, 12)]
)
def test_a_video_gives_4_to_12_frames(duration_ms: int, count: int) -> None:
    times = wanted_times(duration_ms)
    assert len(times) == count
    assert all(0 <= time <= duration_ms for time in times)


def test_a_video_of_a_phone_held_upright_is_turned(tmp_path: Path, limits: Limits) -> None:
    make_video(tmp_path / "phone.mp4", seconds=2, size=(64, 32))
    video = bytearray((tmp_path / "phone.mp4").read_bytes())
    matrix = video.index(b"tkhd") + 44  # ISO 14496-12 section 8.3.2, version 0
    clockwise = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    video[matrix : matrix + 36] = struct.pack(">9i", *clockwise)
    (tmp_path / "phone.mp4").write_bytes(video)
    reading = read_video(tmp_path / "phone.mp4", limits)
    assert (reading.width, reading.height) == reading.poster.size == (32, 64)
    top, bottom = grey(reading.frames[-1].picture, 1, 2)[:, 0]
    assert top > bottom + 20  # the left half changes, and it must be on top now


def test_frames_that_look_the_same_count_once(tmp_path: Path, limits: Limits) -> None:
    make_video(tmp_path / "still.mp4", seconds=1)
    assert len(read_video(tmp_path / "still.mp4", limits).frames) == 1


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("v.mp4", "mpeg4"),
        ("v.mov", "mpeg4"),
        ("v.avi", "mpeg4"),
        ("v.mkv", "mpeg4"),
        ("v.webm", "vp8"),
        ("v.ts", "mpeg2video"),
        ("v.wmv", "wmv2"),
        ("v.flv", "flv"),
    ],
)
def test_every_common_container_is_read(
    tmp_path: Path, limits: Limits, name: str, codec: str
) -> None:
    make_video(tmp_path / name, seconds=4, codec=codec)
    reading = read_video(tmp_path / name, limits)
    assert reading.video is not None
    assert 3500 <= reading.video.duration_ms <= 4200
    assert len(reading.frames) >= 3


def test_a_live_recording_without_a_duration_is_measured(tmp_path: Path, limits: Limits) -> None:
    make_video(tmp_path / "live.webm", seconds=3, codec="vp8", options={"live": "1"})
    reading = read_video(tmp_path / "live.webm", limits)
    assert reading.video is not None
    assert 2800 <= reading.video.duration_ms <= 3100


def test_a_truncated_mp4_is_unreadable(tmp_path: Path, limits: Limits) -> None:
    make_video(tmp_path / "whole.mp4", seconds=4)
    whole = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: whole.index(b"moov") - 100])
    with pytest.raises(UnreadableMediaError, match="damaged or cut off"):
        read_video(tmp_path / "cut.mp4", limits)


def test_a_jpeg_named_mp4_is_no_video(media: Path, tmp_path: Path, limits: Limits) -> None:
    (tmp_path / "photo.mp4").write_bytes((media / "cat.jpg").read_bytes())
    with pytest.raises(UnreadableMediaError, match="no video"):
        read_video(tmp_path / "photo.mp4", limits)


def test_a_playlist_cannot_make_us_open_other_files(
    media: Path, tmp_path: Path, limits: Limits
) -> None:
    target = media / "scenes3.mp4"
    (tmp_path / "list.mp4").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nfile://{target}\n#EXT-X-ENDLIST\n"
    )
    (tmp_path / "concat.mp4").write_text(f"ffconcat version 1.0\nfile {target}\n")
    for name in ("list.mp4", "concat.mp4"):
        with pytest.raises(UnreadableMediaError):
            read_video(tmp_path / name, limits)


@pytest.mark.parametrize("content", [b"", b"hello" * 1000, bytes(100_000), b"\0\0\0\x18ftypisom"])
def test_what_is_no_video_is_unreadable(tmp_path: Path, limits: Limits, content: bytes) -> None:
    (tmp_path / "file.mp4").write_bytes(content)
    with pytest.raises(UnreadableMediaError, match=r"\.$"):
        read_video(tmp_path / "file.mp4", limits)


def test_damage_anywhere_never_raises_anything_else(
    media: Path, tmp_path: Path, limits: Limits
) -> None:
    whole = (media / "scenes3.mp4").read_bytes()
    for position in range(0, len(whole), len(whole) // 8):
        damaged = bytearray(whole)
        damaged[position : position + 400] = b"\xa5" * 400
        (tmp_path / "damaged.mp4").write_bytes(damaged)
        try:
            read_video(tmp_path / "damaged.mp4", limits)
        except UnreadableMediaError:
            continue


def test_a_video_of_too_many_pixels_is_refused(media: Path) -> None:
    with pytest.raises(UnreadableMediaError, match="megapixels a frame"):
        read_video(media / "scenes3.mp4", Limits(max_pixels=50_000, longest_side=832))


def test_a_sound_file_holds_no_moving_pictures(tmp_path: Path, limits: Limits) -> None:
    make_sound(tmp_path / "sound.mov")
    with pytest.raises(UnreadableMediaError, match="no moving pictures"):
        read_video(tmp_path / "sound.mov", limits)


@pytest.mark.parametrize(
    ("metadata", "capture"),
    [
        (
            {
                "com.apple.quicktime.creationdate": "2026-11-20T10:15:30+0200",
                "creation_time": "2026-11-20T08:15:30.000000Z",
            },
            Capture(time="2026-11-20T10:15:30+02:00"),
        ),
        ({"creation_time": "1904-01-01T00:00:00.000000Z"}, Capture()),
        ({"creation_time": "1970-01-01T00:00:00.000000Z"}, Capture()),
        ({"creation_time": "yesterday"}, Capture()),
        (
            {"location": "+60.1708+024.9375/"},
            Capture(place=Place(latitude=60.1708, longitude=24.9375)),
        ),
        (
            {"location": "-33.8-070.5+1200.5/"},
            Capture(place=Place(latitude=-33.8, longitude=-70.5, altitude=1200.5)),
        ),
        ({"location": "+00.0000+000.0000/"}, Capture()),
        ({"location": "+99.0000+000.0000/"}, Capture()),
        ({"location": "here"}, Capture()),
        (
            {"com.android.manufacturer": "Google", "com.android.model": "Pixel 9"},
            Capture(camera="Google Pixel 9"),
        ),
    ],
)
def test_only_plausible_metadata_counts(metadata: dict[str, str], capture: Capture) -> None:
    assert read_metadata(metadata) == capture
