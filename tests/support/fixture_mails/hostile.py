"""Mails that want to do harm. The large ones are made by `tests.support.big_mails`."""

from __future__ import annotations

import struct
import zlib

from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import attached, entity, html, mail, media, multipart, text

PHOTO = media("small/coffee.jpg")
PIXEL = media("small/pixel.gif")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><script>location='https://evil.example.com'</script></html>"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png() -> bytes:
    """A PNG of 60,000 x 60,000 pixels in a few hundred bytes."""
    size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100), 0)  # stored: the same bytes from every zlib
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", size)
        + _chunk(b"IDAT", pixels)
        + _chunk(b"IEND", b"")
    )


def _one(oddity: str, part: bytes, *, taken: Taken | None = None, left: str = "") -> Fixture:
    name, _, reason = left.partition("|")
    return Fixture(
        name=f"hostile/{oddity}",
        raw=mail("Look", multipart("mixed", text("Look."), part)),
        media=(taken,) if taken else (),
        left_out=((name, reason),) if left else (),
    )


def _disposed(value: str, content: bytes = PHOTO) -> bytes:
    return entity("image/jpeg", content, ("Content-Disposition", f"attachment; filename*={value}"))


MAILS = (
    _one(
        "image_of_gigantic_dimensions",
        attached("bomb.png", huge_png(), "image/png"),
        taken=Taken(file_name="bomb.png", content=huge_png(), media_type="image/png"),
    ),
    _one(
        "path_out_of_the_folder",
        attached("../../../../etc/cron.d/photo.jpg", PHOTO),
        taken=Taken(file_name="photo.jpg", content=PHOTO),
    ),
    _one(
        "nul_in_the_name",
        _disposed("utf-8''photo.jpg%00.exe"),
        taken=Taken(file_name="photo.jpg.exe", content=PHOTO),
    ),
    _one(
        "right_to_left_override",
        _disposed("utf-8''photo%E2%80%AEgpj.exe"),
        taken=Taken(file_name="photogpj.exe", content=PHOTO),
    ),
    _one(
        "line_break_in_the_name",
        _disposed("utf-8''photo%0D%0ABcc%3A%20all%40example.org.jpg"),
        taken=Taken(file_name="photo Bcc: all@example.org.jpg", content=PHOTO),
    ),
    _one("svg_with_script", attached("x.svg", SVG, "image/svg+xml"), left="x.svg|unsupported_type"),
    _one("html_called_jpeg", attached("a.jpg", HTML), left="a.jpg|unsupported_type"),
    _one(
        "jpeg_with_html_behind_it",
        attached("poly.jpg", PHOTO + HTML),
        taken=Taken(file_name="poly.jpg", content=PHOTO + HTML),
    ),
    Fixture(
        name="hostile/tracking_pixel",
        raw=mail(
            "Pixel",
            multipart(
                "related",
                html('<p>Hello</p><img src="cid:p@example.org">'),
                attached(
                    "p.gif", PIXEL, "image/gif", disposition="inline", content_id="p@example.org"
                ),
            ),
        ),
        left_out=(("p.gif", "tracking_pixel"),),
    ),
    Fixture(
        name="hostile/header_of_many_lines",
        raw=mail(
            "Lines",
            multipart("mixed", text("Look."), attached("a.jpg", PHOTO)),
            *(("X-Filler", f"{n}") for n in range(2_000)),
        ),
        media=(Taken(file_name="a.jpg", content=PHOTO),),
    ),
    Fixture(
        name="hostile/two_content_types",
        raw=mail(
            "Two",
            multipart(
                "mixed",
                text("Which one?"),
                b"Content-Type: text/html\r\n" + attached("a.jpg", PHOTO),
            ),
        ),
        media=(Taken(file_name="a.jpg", content=PHOTO),),
    ),
)
