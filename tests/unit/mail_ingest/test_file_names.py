"""Names that strangers chose, made safe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_ingest.file_names import MAX_BYTES, safe_name, shown_name, stored_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("IMG_0420.HEIC", "IMG_0420.HEIC"),
        ("C:\\TEMP\\x.png", "x.png"),
        ("../../etc/passwd", "passwd.jpg"),
        ("/", "image.jpg"),
        ("..", "image.jpg"),
        ("", "image.jpg"),
        (".jpg", "jpg.jpg"),
        ("photo", "photo.jpg"),
        ("photo.", "photo.jpg"),
        ("a\x00b\r\nc.jpg", "ab c.jpg"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("CON.jpg", "_CON.jpg"),
        ("com1", "_com1.jpg"),
        ('a<b>:"|?*.jpg', "a_b______.jpg"),
        ("  two   spaces .jpg ", "two spaces .jpg"),
        ("blåbær.jpg", "blåbær.jpg"),
        ("bla\u030abær.jpg", "blåbær.jpg"),
        ("lone\ud800.jpg", "lone.jpg"),
        ("v1.2 final", "v1.2 final.jpg"),
    ],
)
def test_a_name_becomes_safe(name: str, safe: str) -> None:
    assert safe_name(name, "image/jpeg") == safe


def test_a_missing_extension_comes_from_the_true_type() -> None:
    assert safe_name("clip", "video/quicktime") == "clip.mov"
    assert safe_name("", "video/mp4") == "video.mp4"
    assert safe_name("clip", "application/x-unheard-of") == "clip.bin"


def test_a_long_name_keeps_its_extension() -> None:
    name = safe_name("å" * 300 + ".jpeg", "image/jpeg")
    assert name.endswith("å.jpeg")
    assert len(name.encode()) <= MAX_BYTES


def test_a_shown_name_may_be_empty_but_has_no_folders() -> None:
    assert shown_name("") == ""
    assert shown_name("a/b\\c.pdf") == "c.pdf"


@given(st.text(max_size=300), st.sampled_from(["image/jpeg", "video/mp4", "x/y", ""]))
def test_any_name_can_be_stored_and_is_stable(name: str, media_type: str) -> None:
    safe = safe_name(name, media_type)
    assert safe.strip(" .")
    assert len(safe.encode()) <= MAX_BYTES
    assert not set(safe) & set('/\\<>:"|?*\0\r\n')
    assert safe_name(safe, media_type) == safe


@pytest.mark.parametrize(
    ("name", "true_type", "stored"),
    [
        ("invoice.hta", "image/jpeg", "invoice.hta.jpg"),
        ("IMG_0420.JPG", "image/jpeg", "IMG_0420.JPG"),
        ("scan.jpeg", "image/jpeg", "scan.jpeg"),
        ("photo.png", "image/jpeg", "photo.jpg"),
        ("clip.MP4", "video/quicktime", "clip.mov"),
        ("clip.m4v", "video/mp4", "clip.m4v"),
        ("run.exe", "video/mp4", "run.exe.mp4"),
        ("a.svg", "image/png", "a.svg.png"),
        ("", "image/heic", "image.heic"),
        ("x" * 200 + ".scr", "image/png", "x" * 116 + ".png"),
    ],
)
def test_what_is_stored_ends_as_its_content_does(name: str, true_type: str, stored: str) -> None:
    assert stored_name(name, true_type) == stored


@given(st.text(max_size=300), st.sampled_from(["image/jpeg", "video/mp4", "image/x-adobe-dng"]))
def test_any_stored_name_is_stable(name: str, true_type: str) -> None:
    stored = stored_name(name, true_type)
    assert stored_name(stored, true_type) == safe_name(stored, true_type) == stored
    assert len(stored.encode()) <= MAX_BYTES


@pytest.mark.parametrize("media_type", ["\0/x", "a:b/c", "\x1b[2J/x", "*|*/x", "\ud800/x", "/", ""])
def test_a_name_made_of_a_media_type_is_safe(media_type: str) -> None:
    name = safe_name("", media_type)
    assert name.encode().isascii()
    assert not set(name) & set('\0\x1b<>:"|?*/\\')
