"""Mails that link to files, and mails with many of them."""

from __future__ import annotations

from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import attached, html, mail, media, multipart, text

MAIL_DROP = (
    "https://www.icloud.com/attachment/?u=https%3A%2F%2Fcvws.icloud-content.com%2FB%2FAbC"
    "&uk=x&f=IMG_0420.MOV&sz=734003200"
)
DRIVE = "https://drive.google.com/file/d/1AbCdEfGh/view?usp=drive_web"
BOATS = media("small/boats.jpg")
CAT = media("small/cat.jpg")


def _numbered(number: int) -> bytes:
    """A JPEG of its own: what follows the end of the image is no part of it."""
    return media("small/moon.jpg") + b"%04d" % number


MAILS = (
    Fixture(
        name="linked/mail_drop",
        raw=mail(
            "Large film",
            multipart(
                "alternative",
                text(f"Click to Download\n{MAIL_DROP}\nIMG_0420.MOV\n700 MB\n"),
                html(f'<a href="{MAIL_DROP.replace("&", "&amp;")}">Click to Download</a>'),
            ),
        ),
        linked=(("IMG_0420.MOV", 734003200, "www.icloud.com"),),
    ),
    Fixture(
        name="linked/google_drive_beside_a_photo",
        raw=mail(
            "Film and photo",
            multipart(
                "mixed",
                multipart(
                    "alternative",
                    text(f"storm.mp4\n<{DRIVE}>"),
                    html(f'<a href="{DRIVE}"><img src="i.png"><span>storm.mp4</span></a>'),
                ),
                attached("boats.jpg", BOATS),
            ),
        ),
        media=(Taken(file_name="boats.jpg", content=BOATS),),
        linked=(("storm.mp4", 0, "drive.google.com"),),
    ),
    Fixture(
        name="linked/onedrive_wetransfer_and_dropbox",
        raw=mail(
            "Three links",
            text(
                "https://1drv.ms/v/s!AbC\nhttps://we.tl/t-AbCdEf\n"
                "https://www.dropbox.com/scl/fi/abc/fire.mp4?rlkey=x&dl=0"
            ),
        ),
        linked=(
            ("", 0, "1drv.ms"),
            ("", 0, "we.tl"),
            ("fire.mp4", 0, "www.dropbox.com"),
        ),
    ),
    Fixture(
        name="many/forty_photos",
        raw=mail(
            "Forty",
            multipart(
                "mixed",
                text("All of them."),
                *(attached(f"IMG_{n:04}.jpg", _numbered(n)) for n in range(40)),
            ),
        ),
        media=tuple(Taken(file_name=f"IMG_{n:04}.jpg", content=_numbered(n)) for n in range(40)),
    ),
    Fixture(
        name="many/same_photo_three_times",
        raw=mail(
            "Thrice",
            multipart(
                "mixed",
                attached("cat.jpg", CAT),
                attached("cat (1).jpg", CAT),
                attached("boats.jpg", BOATS),
                attached("cat.jpg", CAT),
            ),
        ),
        media=(
            Taken(file_name="cat.jpg", content=CAT),
            Taken(file_name="boats.jpg", content=BOATS),
        ),
        left_out=(("cat (1).jpg", "duplicate"), ("cat.jpg", "duplicate")),
    ),
    Fixture(
        name="many/two_photos_of_one_name",
        raw=mail(
            "Same name",
            multipart("mixed", attached("image0.jpg", CAT), attached("image0.jpg", BOATS)),
        ),
        media=(
            Taken(file_name="image0.jpg", content=CAT),
            Taken(file_name="image0.jpg", content=BOATS),
        ),
    ),
)
