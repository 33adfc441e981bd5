"""Mails that get no answer; their media are taken in all the same."""

from __future__ import annotations

from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import (
    KARI,
    attached,
    entity,
    header,
    html,
    mail,
    media,
    message_part,
    multipart,
    text,
)

PHOTO = media("small/galaxies.jpg")
GALAXIES = Taken(file_name="galaxies.jpg", content=PHOTO)
WITH_PHOTO = multipart("mixed", text("A photo."), attached("galaxies.jpg", PHOTO))
ORIGINAL = mail("Galaxies", WITH_PHOTO, sender="Newsroom photos <photos@newsroom.example>", to=KARI)
INVITE = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
    b"UID:1@example.org\r\nDTSTART:20261124T100000Z\r\nSUMMARY:Press conference\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n"
)
CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Kari Nordmann\r\nEND:VCARD\r\n"
DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.example.net>"


def _report() -> bytes:
    status = b"Reporting-MTA: dns; mx.example.net\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    return multipart(
        "report",
        text("Your mail could not be delivered."),
        header(("Content-Type", "message/delivery-status")) + b"\r\n" + status,
        message_part(ORIGINAL),
        more="; report-type=delivery-status",
    )


MAILS = (
    Fixture(
        name="robots/mailing_list_with_photo",
        raw=mail(
            "[astro] Galaxies",
            WITH_PHOTO,
            ("List-Id", "Astronomers <astro.lists.example.org>"),
            ("Precedence", "list"),
        ),
        media=(GALAXIES,),
        no_answer="mailing_list",
    ),
    Fixture(
        name="robots/auto_reply",
        raw=mail("Re: your mail", text("We got it."), ("Auto-Submitted", "auto-replied")),
        no_answer="auto_submitted",
    ),
    Fixture(
        name="robots/out_of_office_with_logo",
        raw=mail(
            "Automatic reply: photo",
            multipart(
                "related",
                html('<p>I am away.</p><img src="cid:logo@example.org">'),
                attached(
                    "logo.png",
                    media("small/logo.png"),
                    "image/png",
                    disposition="inline",
                    content_id="logo@example.org",
                ),
            ),
            ("Auto-Submitted", "auto-generated (rejected)"),
            ("X-Auto-Response-Suppress", "All"),
        ),
        left_out=(("logo.png", "signature_logo"),),
        no_answer="auto_submitted",
    ),
    Fixture(
        name="robots/bounce_with_the_returned_photo",
        raw=mail("Undelivered", _report(), ("Return-Path", "<>"), sender=DAEMON),
        media=(GALAXIES,),
        left_out=(("", "unsupported_type"),),
        no_answer="report",
    ),
    Fixture(
        name="robots/null_return_path",
        raw=mail("Photo", WITH_PHOTO, ("Return-Path", "<>")),
        media=(GALAXIES,),
        no_answer="null_sender",
    ),
    Fixture(
        name="robots/mailer_daemon",
        raw=mail("Delayed", text("It will be tried again."), sender=DAEMON),
        no_answer="robot_address",
    ),
    Fixture(name="robots/our_own_address", raw=ORIGINAL, media=(GALAXIES,), no_answer="ourselves"),
    Fixture(
        name="robots/our_own_answer_comes_back",
        raw=mail("Re: Photo", text("Thank you."), ("X-Mail-Ingest-Reply", "mail-abc")),
        no_answer="ourselves",
    ),
    Fixture(
        name="robots/newsletter",
        raw=mail(
            "Offers of the week",
            html('<p>Buy!</p><img src="https://t.example.com/p.gif" width=1 height=1>'),
            ("List-Unsubscribe", "<https://shop.example.com/u>"),
            ("Precedence", "bulk"),
            sender="Shop <news@shop.example.com>",
        ),
        no_answer="mailing_list",
    ),
    Fixture(
        name="robots/bulk_mail",
        raw=mail("To all customers", text("News."), ("Precedence", "bulk")),
        no_answer="bulk",
    ),
    Fixture(
        name="robots/calendar_invite",
        raw=mail(
            "Invitation: press conference",
            multipart(
                "mixed",
                multipart(
                    "alternative",
                    text("You are invited."),
                    entity("text/calendar; charset=utf-8; method=REQUEST", INVITE, encoding="7bit"),
                ),
                attached("invite.ics", INVITE, "application/ics"),
            ),
        ),
        left_out=(("", "calendar"), ("invite.ics", "calendar")),
    ),
    Fixture(
        name="robots/no_reply_address",
        raw=mail("Photo", WITH_PHOTO, sender="Portal <no-reply@portal.example.com>"),
        media=(GALAXIES,),
        no_answer="robot_address",
    ),
    Fixture(
        name="robots/contact_card_beside_the_photo",
        raw=mail(
            "Photo and card",
            multipart(
                "mixed",
                text("Call me."),
                attached("galaxies.jpg", PHOTO),
                attached("kari.vcf", CARD, "text/vcard"),
            ),
        ),
        media=(GALAXIES,),
        left_out=(("kari.vcf", "contact_card"),),
    ),
)
