"""Structures that are rare and right, or common and wrong."""

from __future__ import annotations

from tests.support.cms_encoder import signed
from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import (
    attached,
    entity,
    header,
    mail,
    media,
    message_part,
    multipart,
    text,
)
from tests.support.text_encoders import uuencode
from tests.support.tnef_encoder import File, tnef

PHOTO = media("small/farmhouse.jpg")
FARM = Taken(file_name="farm.jpg", content=PHOTO)
INNER = mail("Farm", multipart("mixed", text("The farm."), attached("farm.jpg", PHOTO)))
WINMAIL = attached("winmail.dat", tnef(File(name="farm.jpg", content=PHOTO)), "application/ms-tnef")
SUN = (
    b"----------\r\nX-Sun-Data-Type: text\r\nX-Sun-Data-Name: text\r\n"
    b"X-Sun-Content-Lines: 1\r\n\r\nThe farm.\r\n"
    b"----------\r\nX-Sun-Data-Type: jpeg-file\r\nX-Sun-Data-Name: farm.jpg\r\n"
    b"X-Sun-Encoding-Info: uuencode\r\n\r\n" + uuencode(PHOTO, "farm.jpg").replace(b"\n", b"\r\n")
)


def _one(name: str, part: bytes, taken: Taken = FARM) -> Fixture:
    return Fixture(
        name=name, raw=mail("Farm", multipart("mixed", text("The farm."), part)), media=(taken,)
    )


def _left_out(name: str, part: bytes, file_name: str) -> Fixture:
    raw = mail("Farm", multipart("mixed", text("The farm."), part))
    return Fixture(name=name, raw=raw, left_out=((file_name, "unsupported_type"),))


def _disposed(name: str, disposition: str, file_name: str) -> Fixture:
    part = entity("image/jpeg", PHOTO, ("Content-Disposition", disposition))
    return _one(name, part, Taken(file_name=file_name, content=PHOTO))


def _apple_double() -> Fixture:
    fork = entity("application/applefile", bytes.fromhex("00051607") + bytes(60))
    return Fixture(
        name="forwards/apple_double",
        raw=mail("Farm", multipart("appledouble", fork, attached("farm.jpg", PHOTO))),
        media=(FARM,),
        left_out=(("", "unsupported_type"),),
    )


MAILS = (
    _one("forwards/winmail_dat_in_a_forwarded_mail", message_part(mail("Farm", WINMAIL))),
    _left_out(
        "forwards/eml_file_as_octet_stream",  # says that nobody should look into it
        attached("Farm.eml", INNER, "application/octet-stream"),
        "Farm.eml",
    ),
    _apple_double(),
    _one("types/upper_case_and_a_charset", entity('IMAGE/JPEG; charset="x"; name=farm.jpg', PHOTO)),
    _one(
        "broken/encoding_in_upper_case_with_a_comment",
        attached("farm.jpg", PHOTO).replace(b"Encoding: base64", b"Encoding: BASE64 (or so)"),
    ),
    _left_out(
        "broken/encoding_field_missing",  # so it is 7bit (RFC 2045 section 6.1), and text
        attached("farm.jpg", PHOTO).replace(b"Content-Transfer-Encoding: base64\r\n", b""),
        "farm.jpg",
    ),
    _one(
        "types/binary_part",
        entity('image/jpeg; name="farm.jpg"', PHOTO, encoding="binary"),
    ),
    _disposed("names/quote_that_does_not_end", 'attachment; filename="farm.jpg', "farm.jpg"),
    _disposed("names/parentheses", "attachment; filename=farm (1).jpg", "farm (1).jpg"),
    _disposed(
        "names/encoded_word_in_gb2312",
        "attachment; filename==?gb2312?B?xamzoS5qcGc=?=",
        "农场.jpg",
    ),
    _disposed(
        "names/encoded_word_and_rfc_2231_disagree",
        "attachment; filename=\"=?utf-8?Q?other.jpg?=\"; filename*=utf-8''farm.jpg",
        "farm.jpg",
    ),
    Fixture(
        name="broken/sun_attachment",
        raw=mail("Farm", header(("Content-Type", "X-sun-attachment")) + b"\r\n" + SUN),
        media=(FARM,),
    ),
    Fixture(
        name="smime/signed_twice",
        raw=mail(
            "Farm",
            entity(
                'application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"',
                signed(
                    entity(
                        'application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"',
                        signed(attached("farm.jpg", PHOTO)),
                    )
                ),
            ),
        ),
        media=(FARM,),
    ),
)
