"""Attachments of Outlook .msg files, with python-oxmsg as the second opinion."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oxmsg import Message

from mail_ingest.mime.formats.outlook_msg import (
    CUT_OFF,
    NO_COMPOUND_FILE,
    SHARED_SECTORS,
    open_outlook_msg,
)
from mail_ingest.mime.limits import Limits
from tests.support.msg_encoder import File, msg

if TYPE_CHECKING:
    from mail_ingest.mime.formats import Opened

PHOTO = File(name="Brann på Fløyen.jpg", content=b"\xff\xd8\xff" * 9000, media_type="image/jpeg")
LOGO = File(name="image001.png", content=b"\x89PNG", content_id="image001@example.org")
LIMITS = Limits()


def found(opened: Opened) -> list[tuple[str, bytes]]:
    return [(one.file_name, one.content) for one in opened.enclosures]


def test_large_and_small_attachments_come_out_with_their_names() -> None:
    opened = open_outlook_msg(msg(PHOTO, LOGO), LIMITS)
    assert found(opened) == [(PHOTO.name, PHOTO.content), (LOGO.name, LOGO.content)]
    assert [one.media_type for one in opened.enclosures] == [
        "image/jpeg",
        "application/octet-stream",
    ]
    assert opened.enclosures[1].content_id == "image001@example.org"
    assert opened.flaws == ()


def test_another_reader_finds_the_same_attachments() -> None:
    raw = msg(PHOTO, LOGO)
    other = [(one.file_name, one.file_bytes) for one in Message.load(raw).attachments]
    assert other == found(open_outlook_msg(raw, LIMITS))


def test_a_file_whose_sector_table_goes_beyond_the_header_is_read() -> None:
    film = File(name="film.mp4", content=bytes(range(251)) * 70_000)  # 17 MB: a chain of DIFAT
    raw = msg(LOGO, film)
    assert found(open_outlook_msg(raw, LIMITS))[1] == ("film.mp4", film.content)
    assert Message.load(raw).attachments[1].file_bytes == film.content


def test_names_in_a_code_page_are_read() -> None:
    file = File(name="Пожар.jpg", content=b"x")
    raw = msg(file, unicode=False, codepage=1251)
    assert found(open_outlook_msg(raw, LIMITS)) == [("Пожар.jpg", b"x")]


def test_attachments_of_an_attached_message_are_found() -> None:
    raw = msg(File(name="Fwd", content=(PHOTO,)), LOGO)
    assert [name for name, _ in found(open_outlook_msg(raw, LIMITS))] == [PHOTO.name, LOGO.name]


def test_messages_beyond_the_depth_limit_are_not_read() -> None:
    files: tuple[File, ...] = (PHOTO,)
    for _ in range(5):
        files = (File(name="Fwd", content=files), LOGO)
    opened = open_outlook_msg(msg(*files), Limits(depth=3))
    assert [name for name, _ in found(opened)] == [LOGO.name] * 4
    assert [flaw.limit for flaw in opened.flaws] == ["depth"]


def test_no_more_attachments_than_allowed_are_read() -> None:
    opened = open_outlook_msg(msg(*[LOGO] * 20), Limits(parts=5))
    assert len(opened.enclosures) == 5
    assert [flaw.limit for flaw in opened.flaws] == ["parts"]


def test_a_chain_that_runs_in_a_circle_ends() -> None:
    raw = bytearray(msg(PHOTO))
    fat = raw.rindex(b"\x01\0\0\0\x02\0\0\0\x03\0\0\0")
    raw[fat : fat + 4] = bytes(4)  # sector 0 is followed by sector 0
    opened = open_outlook_msg(bytes(raw), LIMITS)
    assert [name for name, _ in found(opened)] == [PHOTO.name]


def test_attachments_that_share_their_sectors_do_not_multiply() -> None:
    raw = bytearray(msg(PHOTO, *[File(name="a.bin", content=bytes(5000))] * 40))
    name = "__substg1.0_37010102\0".encode("utf-16-le")
    places = [at for at in range(0, len(raw), 128) if raw.startswith(name, at)]
    large = max(places, key=lambda at: raw[at + 120 : at + 123][::-1])
    for at in places:  # each claims the sectors of the photo
        raw[at + 116 : at + 128] = raw[large + 116 : large + 128]
    opened = open_outlook_msg(bytes(raw), LIMITS)
    assert sum(len(content) for _, content in found(opened)) <= len(raw)
    assert SHARED_SECTORS in opened.flaws


def test_a_chain_that_leaves_the_file_keeps_what_was_there() -> None:
    raw = bytearray(msg(PHOTO))
    fat = raw.rindex(b"\x01\0\0\0\x02\0\0\0\x03\0\0\0")
    raw[fat + 8 : fat + 12] = b"\x00\xff\xff\x00"
    opened = open_outlook_msg(bytes(raw), LIMITS)
    assert isinstance(PHOTO.content, bytes)
    assert found(opened) == [(PHOTO.name, PHOTO.content[: 3 * 512])]
    assert opened.flaws == (CUT_OFF,)


@pytest.mark.parametrize("raw", [b"", b"\xd0\xcf\x11\xe0", bytes(2000), msg(LOGO)[:600]])
def test_what_is_no_compound_file_is_a_flaw(raw: bytes) -> None:
    assert open_outlook_msg(raw, LIMITS).flaws == (NO_COMPOUND_FILE,)


@given(st.data())
@settings(deadline=None)
def test_no_damage_raises(data: st.DataObject) -> None:
    raw = bytearray(msg(PHOTO, File(name="Fwd", content=(LOGO,))))
    for at in data.draw(st.lists(st.integers(8, len(raw) - 1), max_size=20)):
        raw[at] = data.draw(st.integers(0, 255))
    opened = open_outlook_msg(bytes(raw[: data.draw(st.integers(0, len(raw)))]), LIMITS)
    assert sum(len(one.content) for one in opened.enclosures) <= len(raw)


def test_a_file_full_of_entries_is_read_in_linear_time() -> None:
    raw = msg(*[LOGO] * 3000)
    start = time.process_time()
    assert len(open_outlook_msg(raw, LIMITS).enclosures) == 3000
    assert time.process_time() - start < 3
