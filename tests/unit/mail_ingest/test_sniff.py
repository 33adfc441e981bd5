"""The true type of a file, whatever it is called."""

from __future__ import annotations

import struct
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mail_ingest import sniff as sniff_module
from mail_ingest.sniff import HEAD_BYTES, OCTET_STREAM, require_libmagic, sniff
from shared.errors import SettingsError
from tests.support.images import image_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS = Path(__file__).parents[3] / ".." / "shared" / "media" / "formats"
TYPES = {
    "p.avif": "image/avif",
    "p.cr2": "image/x-canon-cr2",
    "p.dng": "image/x-adobe-dng",
    "p.gif": "image/gif",
    "p.heic": "image/heic",
    "p.jp2": "image/jp2",
    "p.jpg": "image/jpeg",
    "p.png": "image/png",
    "p.webp": "image/webp",
    "v.3gp": "video/3gpp",
    "v.avi": "video/x-msvideo",
    "v.flv": "video/x-flv",
    "v.mkv": "video/x-matroska",
    "v.mov": "video/quicktime",
    "v.mp4": "video/mp4",
    "v.mpg": "video/mpeg",
    "v.mts": "video/mp2t",
    "v.webm": "video/webm",
    "v.wmv": "video/x-ms-wmv",
    "v_faststart.mp4": "video/mp4",
    "v_hevc.mp4": "video/mp4",
}
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_AUDIO_STREAM = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    brands = major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands + b"\0" * 64


@pytest.mark.parametrize(("name", "media_type"), TYPES.items())
def test_real_files_are_told_by_their_first_4_kb(name: str, media_type: str) -> None:
    path = FORMATS / name
    if not path.exists():
        pytest.skip("the shared sample media are not beside the project")
    assert sniff(path.read_bytes()[:HEAD_BYTES]) == media_type


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (image_bytes("PNG"), "image/png"),
        (image_bytes("JPEG"), "image/jpeg"),
        (image_bytes("GIF"), "image/gif"),
        (image_bytes("WEBP"), "image/webp"),
        (image_bytes("BMP"), "image/bmp"),
        (image_bytes("TIFF"), "image/tiff"),
        (ftyp(b"heic", b"mif1"), "image/heic"),
        (ftyp(b"mif1", b"mif1", b"heic"), "image/heic"),
        (ftyp(b"mif1", b"miaf", b"avif"), "image/avif"),
        (ftyp(b"mif1", b"miaf"), "image/heif"),
        (ftyp(b"msf1"), "image/heif"),
        (ftyp(b"qt  "), "video/quicktime"),
        (ftyp(b"zzzz"), "video/mp4"),
        (ASF + ASF_AUDIO_STREAM + b"\0" * 64, "audio/x-ms-wma"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"just words\n", "text/plain"),
        (b"\x01\x02\x03\xfe" * 40, OCTET_STREAM),
        ((b"\x47" + b"\0" * 187) * 4, "video/mp2t"),
        ((b"\0\0\0\1\x47" + b"\0" * 187) * 4, "video/mp2t"),
    ],
)
def test_a_head_tells_its_type(head: bytes, media_type: str) -> None:
    assert sniff(head) == media_type


def test_two_stray_sync_bytes_make_no_transport_stream() -> None:
    assert sniff((b"\x47" + b"x" * 187) * 2) != "video/mp2t"


@pytest.mark.parametrize("cut", [0, 1, 4, 8, 11, 12, 40])
def test_a_head_may_end_anywhere(cut: int) -> None:
    for head in (ftyp(b"mif1", b"heic"), image_bytes("TIFF"), image_bytes("JPEG")):
        assert sniff(head[:cut])


def test_a_tiff_whose_directory_points_beyond_the_head_is_a_tiff() -> None:
    assert sniff(b"II*\0\xff\xff\xff\x7f" + b"\0" * 60) == "image/tiff"


def test_many_threads_may_sniff_at_once() -> None:
    heads = {image_bytes("PNG"): "image/png", image_bytes("JPEG"): "image/jpeg"}
    wrong: list[str] = []

    def look() -> None:
        for head, media_type in list(heads.items()) * 50:
            if sniff(head) != media_type:
                wrong.append(media_type)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.fixture
def no_libmagic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    forget = sniff_module._libmagic.cache_clear  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setitem(sys.modules, "magic", None)
    monkeypatch.setitem(sys.modules, "pylibmagic", None)
    forget()
    yield
    forget()


@pytest.mark.usefixtures("no_libmagic")
def test_a_machine_without_libmagic_is_told_what_to_install() -> None:
    with pytest.raises(SettingsError, match="Install the system package libmagic1"):
        require_libmagic()
