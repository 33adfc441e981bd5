"""Mails as Outlook and Exchange write them: winmail.dat, .msg, logos in signatures."""

from __future__ import annotations

from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import attached, html, mail, media, multipart, text
from tests.support.msg_encoder import File as MsgFile
from tests.support.msg_encoder import msg
from tests.support.tnef_encoder import File as TnefFile
from tests.support.tnef_encoder import tnef

ALPS = media("small/alps.jpg")
MOON = media("small/moon.jpg")
LOGO = media("small/logo.png")
OUTLOOK = (("X-Mailer", "Microsoft Outlook 16.0"),)
SIGNATURE = '<p>See photo.</p><img width="150" src="cid:image001.png@01DA1234.56789AB0">'
WINMAIL = tnef(
    TnefFile(name="Skred på E16 ved Voss.jpg", content=ALPS, media_type="image/jpeg"),
    TnefFile(name="måne.jpg", content=MOON, media_type="image/jpeg"),
)

MAILS = (
    Fixture(
        name="outlook/winmail_dat_with_photos",
        raw=mail(
            "Landslide",
            multipart(
                "mixed",
                text("Two photos."),
                attached("winmail.dat", WINMAIL, "application/ms-tnef"),
            ),
            ("X-MS-TNEF-Correlator", "<1@example.org>"),
            *OUTLOOK,
        ),
        media=(
            Taken(file_name="Skred på E16 ved Voss.jpg", content=ALPS),
            Taken(file_name="måne.jpg", content=MOON),
        ),
    ),
    Fixture(
        name="outlook/winmail_dat_as_octet_stream",
        raw=mail(
            "Moon",
            multipart(
                "mixed",
                text("Moon."),
                attached(
                    "winmail.dat",
                    tnef(TnefFile(name="moon.jpg", content=MOON)),
                    "application/octet-stream",
                ),
            ),
        ),
        media=(Taken(file_name="moon.jpg", content=MOON),),
    ),
    Fixture(
        name="outlook/winmail_dat_with_an_embedded_message",
        raw=mail(
            "Fwd",
            attached(
                "winmail.dat",
                tnef(
                    TnefFile(
                        name="Fwd",
                        content=tnef(TnefFile(name="alps.jpg", content=ALPS)),
                        is_message=True,
                    )
                ),
                "application/ms-tnef",
            ),
        ),
        media=(Taken(file_name="alps.jpg", content=ALPS),),
    ),
    Fixture(
        name="outlook/signature_logo_by_cid",
        raw=mail(
            "Photo with signature",
            multipart(
                "mixed",
                multipart(
                    "related",
                    multipart("alternative", text("See photo."), html(SIGNATURE)),
                    attached(
                        "image001.png",
                        LOGO,
                        "image/png",
                        disposition="inline",
                        content_id="image001.png@01DA1234.56789AB0",
                    ),
                ),
                attached("alps.jpg", ALPS),
            ),
            *OUTLOOK,
        ),
        media=(Taken(file_name="alps.jpg", content=ALPS),),
        left_out=(("image001.png", "signature_logo"),),
    ),
    Fixture(
        name="outlook/msg_file_with_a_photo",
        raw=mail(
            "As .msg",
            multipart(
                "mixed",
                text("The mail is attached."),
                attached(
                    "Tips.msg",
                    msg(MsgFile(name="Flom i Ålesund.jpg", content=ALPS)),
                    "application/vnd.ms-outlook",
                ),
            ),
            *OUTLOOK,
        ),
        media=(Taken(file_name="Flom i Ålesund.jpg", content=ALPS),),
    ),
    Fixture(
        name="outlook/winmail_dat_without_attachments",
        raw=mail(
            "Rich text only",
            multipart(
                "mixed", text("Hello."), attached("winmail.dat", tnef(), "application/ms-tnef")
            ),
        ),
    ),
)
