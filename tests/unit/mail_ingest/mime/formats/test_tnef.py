"""Attachments of winmail.dat, with an independent reader (tnefparse) as the second opinion."""

from __future__ import annotations

import struct
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_ingest.mime.formats.tnef import BAD_PROPERTIES, CUT_OFF, NO_SIGNATURE, TnefOpener
from mail_ingest.mime.limits import Limits
from tests.support.mime_reading import Opening, open_container
from tests.support.tnef_encoder import File, attribute, properties, tnef, variable

PHOTO = File(
    name="Brann på Fløyen.jpg", content=b"\xff\xd8\xff" + bytes(50), media_type="image/jpeg"
)
LOGO = File(name="image001.png", content=b"\x89PNG", content_id="<image001@example.org>")
LIMITS = Limits()
CHUNKS = (1, 7, 65_536)
tnefparse: Any = import_module("tnefparse")  # it ships no types


def open_tnef(raw: bytes, limits: Limits) -> Opening:
    """Open a body that comes at once; one that is short comes in every size of pieces too."""
    opening = open_container(TnefOpener, raw, limits)
    for chunk in CHUNKS if len(raw) < 10_000 else ():
        assert open_container(TnefOpener, raw, limits, chunk) == opening
    return opening


def test_attachments_keep_their_long_names_and_their_last_zero_bytes() -> None:
    opened = open_tnef(tnef(PHOTO, LOGO), LIMITS)
    assert [(one.file_name, one.content) for one in opened.enclosures] == [
        (PHOTO.name, PHOTO.content),
        (LOGO.name, LOGO.content),
    ]
    assert opened.enclosures[0].media_type == "image/jpeg"
    assert opened.enclosures[1].content_id == "image001@example.org"
    assert opened.flaws == ()


def test_the_rtf_body_is_no_attachment() -> None:
    assert open_tnef(tnef(body="a body in RTF"), LIMITS).enclosures == []


def test_another_reader_finds_the_same_attachments() -> None:
    raw = tnef(PHOTO, LOGO)
    read = tnefparse.TNEF(raw, do_checksum=False).attachments
    other = [(one.long_filename(), one.data) for one in read]
    assert other == [(one.file_name, one.content) for one in open_tnef(raw, LIMITS).enclosures]


def test_attachments_of_an_embedded_message_are_found() -> None:
    message = File(name="Fwd", content=tnef(PHOTO), is_message=True)
    opened = open_tnef(tnef(message, LOGO), LIMITS)
    assert [one.file_name for one in opened.enclosures] == [PHOTO.name, LOGO.name]


def test_messages_embedded_beyond_the_limit_are_not_read() -> None:
    raw = tnef(PHOTO)
    for _ in range(5):
        raw = tnef(File(name="Fwd", content=raw, is_message=True), LOGO)
    opened = open_tnef(raw, Limits(depth=4))
    assert [one.file_name for one in opened.enclosures] == [LOGO.name] * 5
    assert [flaw.limit for flaw in opened.flaws] == ["depth"]


def test_no_more_attachments_than_allowed_are_read() -> None:
    opened = open_tnef(tnef(*[LOGO] * 10), Limits(parts=3))
    assert len(opened.enclosures) == 3
    assert [flaw.limit for flaw in opened.flaws] == ["parts"]


def test_a_title_in_the_codepage_names_an_attachment_without_a_long_name() -> None:
    raw = tnef(codepage=1251) + attribute(2, 0x9002, 6, bytes(14))
    raw += attribute(2, 0x8010, 7, "Пожар.jpg\0".encode("cp1251")) + attribute(2, 0x800F, 6, b"x")
    assert [one.file_name for one in open_tnef(raw, LIMITS).enclosures] == ["Пожар.jpg"]


def test_a_cut_off_body_keeps_what_came_before() -> None:
    raw = tnef(LOGO, PHOTO)
    opened = open_tnef(raw[:-100], LIMITS)
    assert opened.enclosures[0].content == LOGO.content
    assert CUT_OFF in opened.flaws


def test_a_claimed_count_of_four_billion_properties_costs_nothing() -> None:
    lie = struct.pack("<I", 0xFFFFFFFF) + variable(0x3707, 0x1E, b"a.jpg\0")
    raw = tnef() + attribute(2, 0x800F, 6, b"x") + attribute(2, 0x9005, 6, lie)
    opened = open_tnef(raw, LIMITS)
    assert opened.enclosures[0].file_name == "a.jpg"
    assert opened.flaws == (BAD_PROPERTIES,)


def test_an_unknown_codepage_is_read_as_western_european() -> None:
    named = properties(variable(0x3707, 0x1E, "Fløyen.jpg\0".encode("cp1252")))
    raw = tnef(codepage=1252).replace(struct.pack("<II", 1252, 0), struct.pack("<II", 77777, 0))
    raw += attribute(2, 0x800F, 6, b"x") + attribute(2, 0x9005, 6, named)
    assert open_tnef(raw, LIMITS).enclosures[0].file_name == "Fløyen.jpg"


@pytest.mark.parametrize("raw", [b"", b"winmail", b"\x78\x9f\x3e", bytes(1000)])
def test_what_is_no_tnef_is_a_flaw(raw: bytes) -> None:
    assert open_tnef(raw, LIMITS).flaws == (NO_SIGNATURE,)


@settings(deadline=None)
@given(st.data())
def test_no_damage_raises(data: st.DataObject) -> None:
    raw = bytearray(tnef(PHOTO, File(name="m", content=tnef(LOGO), is_message=True)))
    for at in data.draw(st.lists(st.integers(6, len(raw) - 1), max_size=20)):
        raw[at] = data.draw(st.integers(0, 255))
    opened = open_tnef(bytes(raw[: data.draw(st.integers(6, len(raw)))]), LIMITS)
    assert sum(len(one.content) for one in opened.enclosures) <= len(raw)


def test_a_hostile_body_of_tiny_attributes_is_bounded() -> None:
    raw = tnef() + attribute(2, 0x9002, 6, b"") * 500_000
    opened = open_tnef(raw, LIMITS)
    assert len(opened.enclosures) == LIMITS.parts
