"""Attachments of Sun's mail tools."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_ingest.mime.formats.sun_attachment import (
    NO_ATTACHMENTS,
    UNKNOWN_ENCODING,
    open_sun_attachment,
)
from mail_ingest.mime.limits import Limits
from tests.support.text_encoders import uuencode

LIMITS = Limits()
TEXT = b"X-Sun-Data-Type: text\nX-Sun-Data-Name: text\nX-Sun-Content-Lines: 1\n\nHello.\n"
PHOTO = (
    b"X-Sun-Data-Type: gif-file\nX-Sun-Data-Name: fire.gif\nX-Sun-Encoding-Info: uuencode\n"
    b"X-Sun-Content-Lines: 3\n\n" + uuencode(b"GIF89a" + bytes(50), "fire.gif")
)


def body(*attachments: bytes) -> bytes:
    return b"".join(b"----------\n" + one for one in attachments)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_text_and_files_come_apart(line_end: bytes) -> None:
    opened = open_sun_attachment(body(TEXT, PHOTO).replace(b"\n", line_end), LIMITS)
    assert [(one.file_name, one.media_type) for one in opened.enclosures] == [
        ("", "text/plain"),
        ("fire.gif", "image/gif"),
    ]
    assert opened.enclosures[0].content == b"Hello." + line_end
    assert opened.enclosures[1].content == b"GIF89a" + bytes(50)
    assert opened.flaws == ()


def test_hyphens_inside_a_text_do_not_end_it() -> None:
    text = TEXT + b"----------\nThat was a ruler.\n"
    opened = open_sun_attachment(body(text, PHOTO), LIMITS)
    assert len(opened.enclosures) == 2
    assert opened.enclosures[0].content.endswith(b"ruler.\n")


def test_hyphens_after_the_last_attachment_are_no_content() -> None:
    opened = open_sun_attachment(body(TEXT) + b"----------\n", LIMITS)
    assert opened.enclosures[0].content == b"Hello."


def test_base64_is_undone() -> None:
    packed = PHOTO.split(b"\n\n")[0].replace(b"uuencode", b"base64") + b"\n\n"
    opened = open_sun_attachment(body(packed + base64.b64encode(b"GIF89a")), LIMITS)
    assert opened.enclosures[0].content == b"GIF89a"


def test_what_cannot_be_unpacked_is_given_as_it_came() -> None:
    packed = TEXT.replace(b"X-Sun-Content", b"X-Sun-Encoding-Info: adpcm-compress\nX-Sun-Content")
    opened = open_sun_attachment(body(packed), LIMITS)
    assert opened.enclosures[0].content == b"Hello.\n"
    assert opened.flaws == (UNKNOWN_ENCODING,)


def test_no_more_than_the_allowed_parts_are_read() -> None:
    opened = open_sun_attachment(body(*[TEXT] * 10), Limits(parts=4))
    assert len(opened.enclosures) == 4
    assert [flaw.limit for flaw in opened.flaws] == ["parts"]


def test_a_body_of_anything_else_is_a_flaw() -> None:
    assert open_sun_attachment(b"Hello.", LIMITS).flaws == (NO_ATTACHMENTS,)


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"----------\n", TEXT, PHOTO, b"\n\n", b"X-Sun-Data-Name: \xff"])))
def test_no_mixture_raises(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    opened = open_sun_attachment(raw, LIMITS)
    assert sum(len(one.content) for one in opened.enclosures) <= len(raw)
