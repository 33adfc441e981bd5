"""Attachments land in a folder whole, under safe names, replacing nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mail_ingest.extract import Folder, extract, extract_into
from mail_ingest.mime.limits import Limits
from tests.support.mime_cases import OTHER, PHOTO, TEXT, header, mail, mixed, named, photo
from tests.support.tnef_encoder import File, tnef

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mail_ingest.extract import ExtractedPart
    from mail_ingest.mime.events import Event


def stored(folder: Path, raw: bytes) -> Path:
    path = folder / "mail.eml"
    path.write_bytes(raw)
    return path


def run(folder: Path, raw: bytes) -> list[ExtractedPart]:
    return list(extract(stored(folder, raw), folder / "out"))


def test_each_line_says_what_lies_where(tmp_path: Path) -> None:
    (part,) = run(tmp_path, mail(mixed(TEXT, photo("inline; filename=IMG_1.JPG"))))
    assert (part.filename, part.content_type, part.disposition) == (
        "IMG_1.JPG",
        "image/jpeg",
        "inline",
    )
    assert part.size == len(PHOTO)
    assert part.sha256 == hashlib.sha256(PHOTO).hexdigest()
    assert Path(part.path).read_bytes() == PHOTO


def test_the_body_text_and_reports_are_no_files(tmp_path: Path) -> None:
    report = header("Content-Type: message/delivery-status") + b"Action: failed\r\n"
    assert run(tmp_path, mail(mixed(TEXT, report))) == []


def test_a_photo_without_a_name_gets_one(tmp_path: Path) -> None:
    (part,) = run(tmp_path, mail(mixed(named())))
    assert part.filename == ""
    assert Path(part.path).suffix == ".jpg"


@pytest.mark.parametrize(
    ("declared", "content_type"),
    [
        (b"image/jp\x00eg", "image/jp"),
        (b"\x00image/jpeg", "application/octet-stream"),
        (b"image\xff/jpeg", "application/octet-stream"),
        (b"im\x1b[2Jage/x\x1b[31m", "application/octet-stream"),
        ("\u202eimage/gpj".encode(), "application/octet-stream"),
        (b"a:b\\c/x", "application/octet-stream"),
        (b"video/" + b"x" * 4_000, "video/" + "x" * 127),
    ],
)
def test_a_media_type_is_made_of_tokens_only(
    tmp_path: Path, declared: bytes, content_type: str
) -> None:
    raw = b"Content-Type: " + declared + b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + PHOTO
    (part,) = run(tmp_path, raw)
    assert part.content_type == content_type
    assert Path(part.path).name in {"image.bin", "application.bin", "video.bin"}


def test_files_of_one_name_get_numbers(tmp_path: Path) -> None:
    parts = run(tmp_path, mail(mixed(photo(), photo(content=OTHER), photo(content=b"x"))))
    assert [Path(part.path).name for part in parts] == ["a.jpg", "a-2.jpg", "a-3.jpg"]
    assert [Path(part.path).read_bytes() for part in parts] == [PHOTO, OTHER, b"x"]


def test_a_file_that_is_there_already_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.jpg").write_bytes(b"mine")
    (part,) = run(tmp_path, mail(mixed(photo())))
    assert Path(part.path).name == "a-2.jpg"
    assert (tmp_path / "out" / "a.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "name", ["../../evil.jpg", "/etc/passwd", r"..\..\evil.jpg", "..", "CON", "a\0b.jpg", ".", "x/"]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (part,) = run(tmp_path, mail(mixed(photo(f'attachment; filename="{name}"'))))
    assert Path(part.path).parent == tmp_path / "out"
    assert Path(part.path).read_bytes() == PHOTO


def test_a_large_mail_goes_through_both_threads(tmp_path: Path) -> None:
    large = PHOTO * 8_000
    parts = run(tmp_path, mail(mixed(photo(content=large), photo(content=OTHER))))
    assert [Path(part.path).read_bytes() for part in parts] == [large, OTHER]


def test_a_limit_keeps_what_came_before(tmp_path: Path) -> None:
    path = stored(tmp_path, mail(mixed(photo(), photo(content=OTHER))))
    parts = list(extract(path, tmp_path / "out", Limits(decoded_bytes=len(PHOTO) + 10)))
    assert [part.size for part in parts] == [len(PHOTO), 10]


class FullFolder(Folder):
    """A folder on a disk that is full after the first events."""

    def take(self, events: Iterable[Event]) -> list[ExtractedPart]:
        super().take(events)
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("size", [1_000, 3_000_000])
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, size: int) -> None:
    path = stored(tmp_path, mail(mixed(photo(content=bytes(size))) + b"--open"))
    (tmp_path / "out").mkdir()
    folder = FullFolder(tmp_path / "out")
    with pytest.raises(OSError, match="No space"):
        list(extract_into(folder, path, Limits()))
    folder.close()
    assert [p for p in (tmp_path / "out").iterdir() if p.stat().st_size not in (0, size)] == []


def test_who_stops_listening_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = stored(tmp_path, mail(mixed(photo(), photo(content=bytes(9_000_000)))))
    parts = extract(path, tmp_path / "out")
    next(parts)
    parts.close()
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["a.jpg"]


def test_a_large_file_of_outlook_gets_its_full_name_at_its_end(tmp_path: Path) -> None:
    photo_of_tnef = File(name="Brann på Fløyen 火.jpg", content=PHOTO + bytes(2 << 20))
    body = named(content=tnef(photo_of_tnef), media_type="application/ms-tnef")
    parts = run(tmp_path, mail(mixed(TEXT, body, body)))
    photos = [part for part in parts if part.filename == photo_of_tnef.name]
    assert [Path(part.path).name for part in photos] == [
        "Brann på Fløyen 火.jpg",
        "Brann på Fløyen 火-2.jpg",
    ]
    assert all(Path(part.path).read_bytes() == photo_of_tnef.content for part in photos)
    assert not list((tmp_path / "out").glob("*~1*")), "its short name"
