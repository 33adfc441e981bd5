"""Forwarded mails: inline as Outlook, Gmail and iOS do, and as attachments."""

from __future__ import annotations

from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import (
    attached,
    base64_lines,
    header,
    html,
    mail,
    media,
    message_part,
    multipart,
    text,
)

ROCKET = media("small/rocket.jpg")
COINS = media("small/coins.jpg")
CLIP = media("small/clip.mp4")
OLA = "Ola Hansen <ola.hansen@example.net>"


def _inner(subject: str = "Launch") -> bytes:
    body = multipart("mixed", text("Look at this."), attached("launch.jpg", ROCKET))
    return mail(subject, body, sender=OLA, to="Kari Nordmann <kari.nordmann@example.org>")


def _nested(depth: int) -> bytes:
    raw = _inner()
    for level in range(depth):
        subject = f"Fwd: level {level}"
        raw = mail(subject, multipart("mixed", text("See below."), message_part(raw)))
    return raw


def _encoded_message() -> bytes:
    fields = (("Content-Type", "message/rfc822"), ("Content-Transfer-Encoding", "base64"))
    return header(*fields) + b"\r\n" + base64_lines(_inner())


LAUNCH = Taken(file_name="launch.jpg", content=ROCKET)

MAILS = (
    Fixture(
        name="forwards/inline_by_outlook",
        raw=mail(
            "FW: Launch",
            multipart(
                "mixed",
                multipart(
                    "alternative",
                    text("From: Ola Hansen\nSent: Tuesday\nSubject: Launch\n\nLook."),
                    html("<div><b>From:</b> Ola Hansen<br><b>Subject:</b> Launch</div>"),
                ),
                attached("launch.jpg", ROCKET),
            ),
        ),
        media=(LAUNCH,),
    ),
    Fixture(
        name="forwards/inline_by_gmail",
        raw=mail(
            "Fwd: Launch",
            multipart(
                "mixed",
                multipart(
                    "alternative",
                    text("---------- Forwarded message ---------\nFra: Ola Hansen"),
                    html('<div class="gmail_quote">---------- Forwarded message</div>'),
                ),
                attached("launch.jpg", ROCKET, content_id="f_1"),
            ),
        ),
        media=(LAUNCH,),
    ),
    Fixture(
        name="forwards/inline_by_ios",
        raw=mail(
            "Fwd: Launch",
            multipart(
                "mixed",
                text("Begin forwarded message:\n\n> From: Ola Hansen"),
                attached("launch.jpg", ROCKET, disposition="inline"),
                text("> Look at this."),
            ),
        ),
        media=(LAUNCH,),
    ),
    Fixture(
        name="forwards/as_attachment",
        raw=mail(
            "Fwd: Launch",
            multipart("mixed", text("Attached."), message_part(_inner(), "Launch.eml")),
        ),
        media=(LAUNCH,),
    ),
    Fixture(
        name="forwards/as_attachment_with_a_photo_beside_it",
        raw=mail(
            "Fwd: Launch",
            multipart(
                "mixed",
                text("Two."),
                message_part(_inner()),
                attached("coins.jpg", COINS),
            ),
        ),
        media=(LAUNCH, Taken(file_name="coins.jpg", content=COINS)),
    ),
    Fixture(
        name="forwards/as_attachment_in_base64",
        raw=mail("Fwd", multipart("mixed", text("Illegal, but it exists."), _encoded_message())),
        media=(LAUNCH,),
    ),
    Fixture(name="forwards/nested_five_deep", raw=_nested(5), media=(LAUNCH,)),
    Fixture(
        name="forwards/digest",
        raw=mail(
            "Digest",
            multipart(
                "digest",
                b"\r\n" + _inner("First"),
                b"\r\n" + mail("Second", attached("v.mp4", CLIP, "video/mp4"), sender=OLA),
            ),
        ),
        media=(LAUNCH, Taken(file_name="v.mp4", content=CLIP, media_type="video/mp4")),
    ),
)
