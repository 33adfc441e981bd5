"""What readers send to a newsroom on a good day; `make demo` sends these."""

from __future__ import annotations

from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import attached, html, mail, media, multipart, text

ROCKET = media("rocket_launch.jpg")
BOATS = media("boats_nagasaki.jpg")
ALPS = media("alps.jpg")
PHOTOGRAPHER = media("photographer.jpg")
COFFEE = media("coffee.jpg")
HEIC = media("cat_exif_gps.heic")
FILM = media("scenes3.mp4")
LOGO = media("small/logo.png")

MAILS = (
    Fixture(
        name="demo/rocket_launch_from_gmail",
        raw=mail(
            "Rocket launch seen from the beach",
            multipart(
                "mixed",
                multipart(
                    "alternative",
                    text(
                        "Hi,\n\nI photographed the launch of the satellite tonight. The rocket lit"
                        " up the whole beach. Feel free to use the photo.\n\nBest, Maria"
                    ),
                    html(
                        "<div>Hi,</div><div>I photographed the launch of the satellite tonight."
                        " The rocket lit up the whole beach. Feel free to use the photo.</div>"
                    ),
                ),
                attached("rocket_launch.jpg", ROCKET, content_id="f_m3rk2a0"),
            ),
            sender="Maria Lopez <maria.lopez@example.com>",
        ),
        media=(Taken(file_name="rocket_launch.jpg", content=ROCKET),),
    ),
    Fixture(
        name="demo/cat_rescue_from_iphone",
        raw=mail(
            "Firefighters rescued our cat",
            multipart(
                "mixed",
                text(
                    "Our cat sat on the roof for two days until the fire brigade came."
                    " Here it is, safe and tired.\n"
                ),
                attached("IMG_4711.HEIC", HEIC, "image/heic", disposition="inline"),
                text("\n\nSent from my iPhone"),
            ),
            ("X-Mailer", "iPhone Mail (22B83)"),
            sender="Ingrid Berg <ingrid.berg@example.org>",
        ),
        media=(Taken(file_name="IMG_4711.HEIC", content=HEIC, media_type="image/heic"),),
    ),
    Fixture(
        name="demo/harbour_and_mountains_from_outlook",
        raw=mail(
            "Storm warning: boats in the harbour, snow in the mountains",
            multipart(
                "mixed",
                multipart(
                    "related",
                    multipart(
                        "alternative",
                        text(
                            "Dear editors,\n\nthe storm is coming: the boats stay in the harbour"
                            " and the first snow has come to the Alps.\n\nJohn Smith"
                        ),
                        html(
                            "<p>Dear editors,</p><p>the storm is coming: the boats stay in the"
                            " harbour and the first snow has come to the Alps.</p>"
                            '<p>John Smith<br><img src="cid:image001.png@01DB"></p>'
                        ),
                    ),
                    attached(
                        "image001.png",
                        LOGO,
                        "image/png",
                        disposition="inline",
                        content_id="image001.png@01DB",
                    ),
                ),
                attached("Harbour.jpg", BOATS),
                attached("Alps.jpg", ALPS),
            ),
            ("X-Mailer", "Microsoft Outlook 16.0"),
            sender="John Smith <john.smith@example.net>",
        ),
        media=(
            Taken(file_name="Harbour.jpg", content=BOATS),
            Taken(file_name="Alps.jpg", content=ALPS),
        ),
        left_out=(("image001.png", "signature_logo"),),
    ),
    Fixture(
        name="demo/film_from_android",
        raw=mail(
            "Video: space launch, a cat and a coffee",
            multipart(
                "mixed",
                text("Filmed with my phone during the launch at the space centre."),
                attached("VID_20261124_091500.mp4", FILM, "video/mp4"),
            ),
            sender="Aisha Khan <aisha.khan@example.org>",
        ),
        media=(Taken(file_name="VID_20261124_091500.mp4", content=FILM, media_type="video/mp4"),),
    ),
    Fixture(
        name="demo/photographer_forwarded",
        raw=mail(
            "Fwd: Exhibition of street photography opens",
            multipart(
                "mixed",
                text(
                    "Begin forwarded message:\n\n> From: The museum\n> The exhibition of street"
                    " photography opens on Friday; the picture is free for the press."
                ),
                attached("photographer.jpg", PHOTOGRAPHER, disposition="inline"),
            ),
            ("X-Mailer", "Apple Mail (2.3826.200.121)"),
            sender="Peter Olsen <peter.olsen@example.com>",
        ),
        media=(Taken(file_name="photographer.jpg", content=PHOTOGRAPHER),),
    ),
    Fixture(
        name="demo/coffee_price_and_a_large_film",
        raw=mail(
            "Coffee prices rise again",
            multipart(
                "mixed",
                text(
                    "The price of a cup went up again at the cafe in our street; trade with Brazil"
                    " is slow. Photo attached; the film was too large:\n"
                    "https://www.icloud.com/attachment/?u=https%3A%2F%2Fcvws.icloud-content.com"
                    "%2FB%2FQx&uk=y&f=cafe.mov&sz=912680550"
                ),
                attached("coffee.jpg", COFFEE),
            ),
            sender="Liv Dahl <liv.dahl@example.net>",
        ),
        media=(Taken(file_name="coffee.jpg", content=COFFEE),),
        linked=(("cafe.mov", 912680550, "www.icloud.com"),),
    ),
)
