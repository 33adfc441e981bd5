"""Beyond a limit reading stops, what came before is kept, and the defect names the limit."""

from __future__ import annotations

import dataclasses

import pytest

from mail_ingest.mime.events import Refusal
from mail_ingest.mime.limits import Limits
from tests.support.mime_cases import PHOTO, TEXT, b64, header, mail, mixed, named, photo
from tests.support.mime_reading import CHUNK_SIZES, read

DEEP = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(60)
)
BEYOND = {
    "parts": (mail(mixed(photo(), photo(), photo())), Limits(parts=3)),
    "depth": (DEEP, Limits(depth=20)),
    "header_bytes": (mail(mixed(photo(), b"X: " + b"x" * 9000)), Limits(header_bytes=8000)),
    "header_lines": (mail(mixed(photo(), b"X: y\r\n" * 50)), Limits(header_lines=20)),
    "headers_bytes": (mail(mixed(photo(), *[TEXT] * 9)), Limits(headers_bytes=300)),
    "decoded_bytes": (mail(mixed(photo(), photo())), Limits(decoded_bytes=len(PHOTO) + 9)),
    "boundary_bytes": (
        mail(mixed(photo(), mixed(photo(), boundary="x" * 80))),
        Limits(boundary_bytes=70),
    ),
}
NAMES = sorted(BEYOND)


@pytest.mark.parametrize("limit", NAMES)
def test_the_defect_names_the_limit(limit: str) -> None:
    raw, limits = BEYOND[limit]
    reading = read(raw, limits=limits)
    assert reading.limits == [limit]
    assert reading.defects[-1].clause == f"limit {limit}"
    assert reading.parts[0].refusal is Refusal.LIMIT_REACHED


@pytest.mark.parametrize("limit", [name for name in NAMES if name != "depth"])
def test_what_came_before_is_kept(limit: str) -> None:
    raw, limits = BEYOND[limit]
    assert read(raw, limits=limits).files[0] == ("a.jpg", PHOTO)


@pytest.mark.parametrize("limit", NAMES)
@pytest.mark.parametrize("chunk", CHUNK_SIZES)
def test_a_limit_stops_at_the_same_place_however_the_message_is_cut(limit: str, chunk: int) -> None:
    raw, limits = BEYOND[limit]
    assert [each.content for each in read(raw, chunk, limits).parts] == [
        each.content for each in read(raw, len(raw), limits).parts
    ]


def test_a_header_alone_beyond_its_limit_still_gives_the_part() -> None:
    reading = read(b"X: y\r\n" * 100, limits=Limits(header_lines=10))
    assert reading.limits == ["header_lines"]
    assert len(reading.parts) == 1


def test_nested_encodings_share_the_limits_of_the_message() -> None:
    raw = mail(photo())
    for _ in range(6):
        raw = mail(named(content=raw, media_type="message/rfc822"))
    assert read(raw).files == [("a.jpg", PHOTO)]
    assert read(raw, limits=Limits(depth=4)).limits == ["depth"]


def test_a_container_that_is_too_large_is_given_unopened() -> None:
    raw = mail(named(content=bytes(5000), media_type="application/vnd.ms-outlook"))
    reading = read(raw, limits=Limits(container_bytes=4999))
    assert reading.parts[0].refusal is Refusal.CONTAINER_TOO_LARGE
    assert reading.parts[0].content == bytes(5000)


def test_every_limit_has_a_default_that_an_ordinary_mail_does_not_reach() -> None:
    assert all(getattr(Limits(), field.name) > 0 for field in dataclasses.fields(Limits))
    assert read(mail(header("Content-Type: image/jpeg") + b64(PHOTO))).limits == []
