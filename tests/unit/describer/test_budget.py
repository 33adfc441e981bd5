"""Small files that cost much: what is counted, and that real media are not hurt by the limits."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from describer.budget import MOST_SCANS, VideoBudget, photo_alarm_s
from describer.jpeg import has_more_scans
from describer.media import UnreadableMediaError
from describer.photo import read_photo
from describer.video import read_video
from tests.support.hostile_media import jpeg_of_many_scans, video_never_shown
from tests.support.make_video import make_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from describer.media import Limits

type Spend = Callable[..., list[VideoBudget]]


@pytest.fixture
def spend(monkeypatch: pytest.MonkeyPatch) -> Spend:
    """Give videos a budget of one's own, and see what became of it."""

    def give(**limits: float) -> list[VideoBudget]:
        budgets: list[VideoBudget] = []
        of = VideoBudget.of

        def noted(picture: int) -> VideoBudget:
            budgets.append(replace(of(picture), **limits))  # type: ignore[arg-type]
            return budgets[-1]

        monkeypatch.setattr(VideoBudget, "of", noted)
        return budgets

    return give


def test_a_jpeg_of_more_scans_than_any_encoder_writes_is_not_decoded(
    tmp_path: Path, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg_of_many_scans(tmp_path / "scans.jpg", scans=MOST_SCANS + 1, size=(640, 480))
    monkeypatch.setattr(Image.Image, "thumbnail", pytest.fail)
    with pytest.raises(UnreadableMediaError, match="in more than 100 passes"):
        read_photo(tmp_path / "scans.jpg", limits)


def test_a_jpeg_of_as_many_scans_as_allowed_is_read(tmp_path: Path, limits: Limits) -> None:
    jpeg_of_many_scans(tmp_path / "scans.jpg", scans=MOST_SCANS)
    assert read_photo(tmp_path / "scans.jpg", limits).width == 64


def test_what_stands_beside_the_picture_is_not_a_scan(tmp_path: Path) -> None:
    jpeg_of_many_scans(tmp_path / "scans.jpg", scans=10)
    jpeg = (tmp_path / "scans.jpg").read_bytes()
    markers = b"\xff\xda" * 500
    comment = b"\xff\xfe" + (len(markers) + 2).to_bytes(2) + markers
    (tmp_path / "more.jpg").write_bytes(jpeg[:2] + comment + jpeg[2:] + markers)
    with (tmp_path / "more.jpg").open("rb") as file:
        assert has_more_scans(file, 9)
        assert not has_more_scans(file, 10)


@pytest.mark.parametrize("cut", [2, 3, 4, 160, 400])
def test_the_scans_of_a_damaged_jpeg_are_counted_too(tmp_path: Path, cut: int) -> None:
    jpeg_of_many_scans(tmp_path / "scans.jpg", scans=200)
    jpeg = (tmp_path / "scans.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(jpeg[:cut])
    (tmp_path / "no_end.jpg").write_bytes(jpeg[:-2])
    for name, many in (("cut.jpg", False), ("no_end.jpg", True)):
        with (tmp_path / name).open("rb") as file:
            assert has_more_scans(file, MOST_SCANS) == many


def test_a_video_that_is_never_shown_is_given_up_after_some_packets(
    tmp_path: Path, limits: Limits, spend: Spend
) -> None:
    video_never_shown(tmp_path / "hidden.webm", packets=3000, size=(1280, 720))
    budgets = spend()
    with pytest.raises(UnreadableMediaError, match="No picture of the video can be decoded"):
        read_video(tmp_path / "hidden.webm", limits)
    (budget,) = budgets
    assert budget.decoded <= 4 * (2 * 108 + 64)


def test_a_video_that_is_never_shown_may_decode_so_many_pixels_and_no_more(
    tmp_path: Path, limits: Limits, spend: Spend
) -> None:
    video_never_shown(tmp_path / "hidden.webm", packets=3000, size=(640, 360))
    budgets = spend(most_pixels=100 * 640 * 360)
    with pytest.raises(UnreadableMediaError, match="at most 23 megapixels of one file"):
        read_video(tmp_path / "hidden.webm", limits)
    assert (budgets[0].decoded, budgets[0].pixels) == (100, 100 * 640 * 360)


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ({"most_pixels": 30 * 64 * 48}, "we decode at most 0 megapixels of one file"),
        ({"most_packets": 30}, "we read at most 30 packets of one file"),
        ({"most_cpu_s": -1.0}, "one file gets at most -1 seconds of computing"),
    ],
)
def test_each_limit_ends_the_work_on_a_video_with_a_sentence(
    tmp_path: Path, limits: Limits, spend: Spend, limit: dict[str, float], sentence: str
) -> None:
    video_never_shown(tmp_path / "hidden.webm", packets=300)
    spend(**limit)
    with pytest.raises(UnreadableMediaError, match=sentence):
        read_video(tmp_path / "hidden.webm", limits)


def test_a_video_is_described_by_what_was_seen_before_its_budget_was_spent(
    tmp_path: Path, limits: Limits, spend: Spend
) -> None:
    make_video(tmp_path / "film.mp4", seconds=8)
    budgets = spend(most_packets=3)
    reading = read_video(tmp_path / "film.mp4", limits)
    assert 1 <= len(reading.frames) < 4
    assert budgets[0].decoded <= 3
    assert reading.warnings == (
        "Only part of the video was looked at: we read at most 3 packets of one file.",
    )


def test_a_recording_that_hides_its_length_is_not_read_to_its_end(
    tmp_path: Path, limits: Limits, spend: Spend
) -> None:
    make_video(tmp_path / "live.webm", seconds=6, codec="vp8", options={"live": "1"})
    budgets = spend(most_packets=20)
    with pytest.raises(UnreadableMediaError, match="at most 20 packets"):
        read_video(tmp_path / "live.webm", limits)
    assert budgets[0].packets <= 20 + 1 + 5  # and one refusal for each look


def test_a_real_video_needs_a_small_part_of_its_budget(
    media: Path, limits: Limits, spend: Spend
) -> None:
    budgets = spend()
    assert read_video(media / "scenes3.mp4", limits).warnings == ()
    assert budgets[0].pixels < budgets[0].most_pixels / 20
    assert budgets[0].packets < budgets[0].most_packets / 20


def test_the_budget_grows_with_the_pictures() -> None:
    assert VideoBudget.of(3840 * 2160).most_pixels > 2 * (12 * 100_000_000 + 400_000_000)
    assert VideoBudget.of(7680 * 4320).most_pixels > 2 * 133 * 7680 * 4320
    assert photo_alarm_s(100_000_000) > 5 * 7.6  # what JPEG 2000 was measured to need


def test_small_files_cost_seconds_and_not_minutes(tmp_path: Path, limits: Limits) -> None:
    video_never_shown(tmp_path / "hidden.webm", packets=20_000, size=(1280, 720))
    jpeg_of_many_scans(tmp_path / "scans.jpg", scans=2000, size=(4000, 4000))
    assert (tmp_path / "hidden.webm").stat().st_size < 24_000_000
    begun = time.process_time()
    for read, name in ((read_video, "hidden.webm"), (read_photo, "scans.jpg")):
        with pytest.raises(UnreadableMediaError):
            read(tmp_path / name, limits)
    assert time.process_time() - begun < 30


def test_a_photo_sets_an_alarm_for_its_size_and_before_it_is_opened(
    media: Path, limits: Limits
) -> None:
    alarms: list[float] = []
    read_photo(media / "cat.jpg", replace(limits, set_alarm=alarms.append))
    with Image.open(media / "cat.jpg") as photo:
        pixels = photo.width * photo.height
    assert alarms == [photo_alarm_s(0), photo_alarm_s(pixels)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_an_alarm_ends_a_process_within_one_call_into_a_library() -> None:
    one_call = "b'a' * 10**9 in b'b' * 10**9; sum(range(10**12))"
    program = f"from describer.process import set_cpu_alarm; set_cpu_alarm(0.2); {one_call}"
    ended = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], check=False, timeout=120
    )
    assert ended.returncode == -signal.SIGPROF
