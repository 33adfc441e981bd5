"""Mails that break the standards, as real software and real networks do."""

from __future__ import annotations

from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import (
    attached,
    base64_lines,
    entity,
    header,
    mail,
    media,
    multipart,
    text,
)
from tests.support.text_encoders import uuencode, yenc

PHOTO = media("small/dandelion.jpg")
DANDELION = Taken(file_name="dandelion.jpg", content=PHOTO)
SOUND = mail("Dandelion", multipart("mixed", text("A flower."), attached("dandelion.jpg", PHOTO)))
_BOUNDARY = SOUND.split(b'boundary="', 1)[1].split(b'"', 1)[0]
_END = b"\r\n--" + _BOUNDARY + b"--\r\n"


def _with(old: bytes, new: bytes) -> bytes:
    if old not in SOUND:
        raise ValueError("the sound mail does not have it")
    return SOUND.replace(old, new)


def _truncated() -> Fixture:
    cut = SOUND[: -len(_END) - 3000]
    start = cut.rindex(b"\r\n\r\n") + 4
    kept = cut[start:].replace(b"\r\n", b"")
    whole = len(kept) // 4 * 3
    rest = {0: 0, 2: 1, 3: 2}.get(len(kept) % 4, 0)
    taken = Taken(file_name="dandelion.jpg", content=PHOTO[: whole + rest])
    name = "broken/truncated_in_the_middle"
    return Fixture(name=name, raw=cut, media=(taken,), defects_at_least=1)


def _no_blank_line() -> bytes:
    part = attached("dandelion.jpg", PHOTO).replace(b"\r\n\r\n", b"\r\n", 1)
    return mail("Dandelion", multipart("mixed", text("No blank line."), part))


def _unencoded_headers_between() -> bytes:
    part = attached("dandelion.jpg", PHOTO).replace(
        b"Content-Transfer-Encoding", b"this line is no field\r\nContent-Transfer-Encoding"
    )
    return mail("Dandelion", multipart("mixed", text("A stray line."), part))


def _inner_without_end() -> bytes:
    inner = multipart("alternative", text("Plain."), text("Also plain."))
    cut = inner[: inner.rindex(b"\r\n--")]
    return mail("Dandelion", multipart("mixed", cut, attached("dandelion.jpg", PHOTO)))


def _bad_base64() -> bytes:
    lines = base64_lines(PHOTO).split(b"\r\n")
    lines[3] = b"!" + lines[3] + b"*"
    part = attached("dandelion.jpg", PHOTO).replace(base64_lines(PHOTO), b"\r\n".join(lines))
    return mail("Dandelion", multipart("mixed", text("Stray characters."), part))


MAILS = (
    Fixture(
        name="broken/base64_with_stray_characters",
        raw=_bad_base64(),
        media=(DANDELION,),
    ),
    Fixture(
        name="broken/base64_without_line_breaks",
        raw=SOUND.replace(base64_lines(PHOTO), base64_lines(PHOTO).replace(b"\r\n", b"")),
        media=(DANDELION,),
    ),
    Fixture(
        name="broken/boundary_parameter_missing",
        raw=_with(b'; boundary="' + _BOUNDARY + b'"', b""),
        left_out=(("", "unsupported_type"),),
        defects_at_least=1,
    ),
    Fixture(
        name="broken/no_boundary_line_at_all",
        raw=mail("AAA", header(("Content-Type", 'multipart/mixed; boundary="b"')) + b"\r\nAAA\r\n"),
        defects_at_least=1,
    ),
    Fixture(
        name="broken/boundary_with_blanks_behind_it",
        raw=SOUND.replace(b"--" + _BOUNDARY + b"\r\n", b"--" + _BOUNDARY + b" \t \r\n"),
        media=(DANDELION,),
    ),
    Fixture(
        name="broken/inner_multipart_has_no_end",
        raw=_inner_without_end(),
        media=(DANDELION,),
    ),
    Fixture(
        name="broken/no_end_boundary",
        raw=_with(_END, b"\r\n"),
        media=(DANDELION,),
        defects_at_least=1,
    ),
    _truncated(),
    Fixture(
        name="broken/no_blank_line_before_the_body",
        raw=_no_blank_line(),
        media=(DANDELION,),
        defects_at_least=1,
    ),
    Fixture(
        name="broken/line_without_a_colon_in_a_header",
        raw=_unencoded_headers_between(),
        media=(DANDELION,),
        defects_at_least=1,
    ),
    Fixture(name="broken/bare_lf", raw=SOUND.replace(b"\r\n", b"\n"), media=(DANDELION,)),
    Fixture(
        name="broken/mbox_from_line",
        raw=b"From kari.nordmann@example.org Tue Nov 24 09:15:00 2026\r\n" + SOUND,
        media=(DANDELION,),
    ),
    Fixture(name="broken/byte_order_mark", raw=b"\xef\xbb\xbf" + SOUND, media=(DANDELION,)),
    Fixture(name="broken/blank_lines_first", raw=b"\r\n\r\n" + SOUND, media=(DANDELION,)),
    Fixture(
        name="broken/continuation_line_without_indent",
        raw=_with(b'name="dandelion.jpg"\r\n', b'\r\nname="dandelion.jpg"\r\n').replace(
            b"image/jpeg; \r\n", b"image/jpeg;\r\n"
        ),
        media=(DANDELION,),
        defects_at_least=1,
    ),
    Fixture(
        name="broken/unknown_charset",
        raw=_with(b"charset=utf-8", b"charset=x-klingon"),
        media=(DANDELION,),
    ),
    Fixture(
        name="broken/uuencoded_in_the_text",
        raw=mail(
            "Dandelion",
            entity(
                "text/plain",
                b"A flower:\r\n\r\n"
                + uuencode(PHOTO, "dandelion.jpg").replace(b"\n", b"\r\n")
                + b"\r\nBye.\r\n",
                encoding="7bit",
            ),
        ),
        media=(DANDELION,),
    ),
    Fixture(
        name="broken/x_uuencode_as_encoding",
        raw=mail(
            "Dandelion",
            multipart(
                "mixed",
                text("As Eudora did."),
                entity(
                    'image/jpeg; name="dandelion.jpg"',
                    uuencode(PHOTO, "dandelion.jpg").replace(b"\n", b"\r\n"),
                    encoding="x-uuencode",
                ),
            ),
        ),
        media=(DANDELION,),
    ),
    Fixture(
        name="broken/yenc_in_the_text",
        raw=mail(
            "Dandelion",
            entity("text/plain", yenc(PHOTO, "dandelion.jpg"), encoding="8bit"),
        ),
        media=(DANDELION,),
    ),
    Fixture(
        name="broken/binhex",
        raw=mail(
            "Dandelion",
            multipart(
                "mixed",
                text("From a Mac of 1999."),
                header(
                    ("Content-Type", 'application/mac-binhex40; name="flower.jpg"'),
                    ("Content-Disposition", 'attachment; filename="flower.jpg"'),
                )
                + b"\r\n(This file must be converted with BinHex 4.0)\r\n\r\n:$'*XG@9LB@aX:\r\n",
            ),
        ),
        left_out=(("flower.jpg", "refused_encoding"),),
    ),
    Fixture(
        name="broken/fragment_of_a_message",
        raw=mail(
            "Part 1 of 3",
            header(("Content-Type", 'message/partial; id="a@example.org"; number=1; total=3'))
            + b"\r\nContent-Type: image/jpeg\r\n\r\n/9j/4AAQ\r\n",
        ),
        left_out=(("", "partial"),),
    ),
)
