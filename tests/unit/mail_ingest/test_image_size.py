"""The size in an image's header."""

from __future__ import annotations

import struct

import pytest

from mail_ingest.image_size import image_size
from tests.support.images import image_bytes


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (300, 299), (640, 427)])
def test_the_header_states_the_size(kind: str, size: tuple[int, int]) -> None:
    assert image_size(image_bytes(kind, size)) == size


def test_other_forms_of_webp_and_bmp_state_it_elsewhere() -> None:
    extended = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\x0a\0\0\0\0" + b"\x7f\x02\0" + b"\xaa\x01\0"
    lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 639 | 426 << 14)
    core_header = b"BM" + b"\0" * 12 + struct.pack("<IHH", 12, 20, 10)
    top_down = b"BM" + b"\0" * 12 + struct.pack("<Iii", 40, 20, -10)
    assert image_size(extended) == (640, 427)
    assert image_size(lossless) == (640, 427)
    assert image_size(core_header) == (20, 10)
    assert image_size(top_down) == (20, 10)


def test_exif_before_the_frame_is_stepped_over() -> None:
    jpeg = image_bytes("JPEG", (40, 30))
    exif = b"\xff\xe1" + struct.pack(">H", 2002) + b"\xff\xc0" * 1000
    assert image_size(jpeg[:2] + exif + b"\xff\xff\xd0" + jpeg[2:]) is not None
    assert image_size(jpeg[:2] + exif + jpeg[2:]) == (40, 30)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG", "WEBP", "BMP"])
def test_a_header_may_end_anywhere(kind: str) -> None:
    whole = image_bytes(kind, (40, 30))
    for cut in range(40):
        assert image_size(whole[:cut]) in (None, (40, 30))


@pytest.mark.parametrize("head", [b"", b"RIFF\0\0\0\0WAVEfmt ", b"\xff\xd8\xff", b"II*\0", b"text"])
def test_what_is_no_such_image_has_no_size(head: bytes) -> None:
    assert image_size(head) is None
