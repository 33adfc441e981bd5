"""The rules on what is media and what is left out."""

from __future__ import annotations

import pytest

from mail_ingest.attachments import (
    LOGO_BYTES,
    LOGO_BYTES_AT_MOST,
    cids_in,
    content_id_key,
    declared_media_type,
    is_logo_sized,
    is_text_body,
    is_tracking_pixel,
    kind_of,
    told_type,
    why_refused,
    why_unsupported,
)
from mail_ingest.mime.events import Part, Refusal
from shared.model import Kind, LeftOutReason


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/jpeg", Kind.PHOTO),
        ("image/heic", Kind.PHOTO),
        ("image/x-adobe-dng", Kind.PHOTO),
        ("video/quicktime", Kind.VIDEO),
        ("video/mp2t", Kind.VIDEO),
        ("image/svg+xml", None),
        ("image/x-canon-cr2", None),
        ("audio/mpeg", None),
        ("application/octet-stream", None),
    ],
)
def test_a_type_is_a_photo_a_video_or_neither(media_type: str, kind: Kind | None) -> None:
    assert kind_of(media_type) is kind


@pytest.mark.parametrize(
    ("true_type", "declared_type", "file_name", "reason"),
    [
        ("application/pdf", "application/pdf", "a.pdf", LeftOutReason.UNSUPPORTED_TYPE),
        ("application/x-dosexec", "image/jpeg", "a.jpg", LeftOutReason.UNSUPPORTED_TYPE),
        ("application/octet-stream", "image/jpeg", "", LeftOutReason.UNREADABLE),
        ("application/octet-stream", "application/octet-stream", "A.MOV", LeftOutReason.UNREADABLE),
        ("application/octet-stream", "image/jpg", "", LeftOutReason.UNREADABLE),
        ("application/octet-stream", "x/y", "a.dat", LeftOutReason.UNSUPPORTED_TYPE),
        ("text/plain", "text/calendar", "", LeftOutReason.CALENDAR),
        ("text/calendar", "application/octet-stream", "a.ics", LeftOutReason.CALENDAR),
        ("text/vcard", "text/x-vcard", "a.vcf", LeftOutReason.CONTACT_CARD),
        (
            "application/octet-stream",
            "application/pkcs7-signature",
            "smime.p7s",
            LeftOutReason.CRYPTOGRAPHIC_SIGNATURE,
        ),
        ("text/plain", "application/pgp-encrypted", "", LeftOutReason.ENCRYPTED),
    ],
)
def test_a_file_that_is_no_media_is_left_out_for_its_reason(
    true_type: str, declared_type: str, file_name: str, reason: LeftOutReason
) -> None:
    found = why_unsupported(true_type=true_type, declared_type=declared_type, file_name=file_name)
    assert found is reason


def test_people_are_told_the_true_type_unless_it_says_nothing() -> None:
    assert told_type("application/pdf", "image/jpeg") == "application/pdf"
    assert told_type("application/octet-stream", "application/x-foo") == "application/x-foo"
    assert told_type("", "application/x-foo") == "application/x-foo"
    assert told_type("", "") == "application/octet-stream"


@pytest.mark.parametrize(
    ("declared", "media_type"),
    [
        ("Image/JPEG", "image/jpeg"),
        ("application/vnd.ms-excel.12+x", "application/vnd.ms-excel.12+x"),
        ("", "application/octet-stream"),
        ("image", "application/octet-stream"),
        ("imag\udcff/jpeg", "application/octet-stream"),
        ("a/b\r\nx", "application/octet-stream"),
        ("a" * 128 + "/b", "application/octet-stream"),
    ],
)
def test_a_declared_type_is_one_or_nothing_known(declared: str, media_type: str) -> None:
    assert declared_media_type(declared) == media_type


def test_a_tracking_pixel_is_three_pixels_at_most() -> None:
    assert is_tracking_pixel((1, 1))
    assert is_tracking_pixel((3, 3))
    assert not is_tracking_pixel((1, 4))
    assert not is_tracking_pixel(None)


@pytest.mark.parametrize(
    ("size", "pixels", "small"),
    [
        (LOGO_BYTES - 1, (4000, 3000), True),
        (LOGO_BYTES - 1, None, True),
        (LOGO_BYTES, None, False),
        (LOGO_BYTES, (299, 299), True),
        (LOGO_BYTES, (300, 20), False),
        (LOGO_BYTES_AT_MOST, (299, 299), False),
    ],
)
def test_a_logo_is_small_in_bytes_or_in_pixels(
    size: int, pixels: tuple[int, int] | None, *, small: bool
) -> None:
    assert is_logo_sized(size, pixels) is small


def test_content_ids_are_found_in_html_as_they_are_written() -> None:
    html = "<img src='cid:a%40b'><td background=CID:Logo@x> url(cid:c) <a href=\"cid:d\">"
    assert cids_in(html) == {"a@b", "logo@x", "c", "d"}
    assert content_id_key("<A@b>") == "a@b"


def test_hostile_html_is_searched_in_linear_time() -> None:
    assert cids_in("cid:" * 250_000)


def test_text_for_people_is_no_attachment() -> None:
    assert is_text_body(Part(path="1", media_type="text/html"))
    assert is_text_body(Part(path="1", refusal=Refusal.UNKNOWN_ENCODING))
    assert not is_text_body(Part(path="1", disposition="attachment"))
    assert not is_text_body(Part(path="1", file_name="notes.txt"))
    assert not is_text_body(Part(path="1", media_type="text/calendar"))


@pytest.mark.parametrize("refusal", Refusal)
def test_each_refusal_of_the_reader_has_its_reason(refusal: Refusal) -> None:
    assert (why_refused(refusal) is None) is (refusal is Refusal.UNKNOWN_ENCODING)
    assert why_refused(None) is None
