"""Mails as phones and webmail write them."""

from __future__ import annotations

from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import attached, entity, html, mail, media, multipart, text

HEIC = media("cat_exif_gps.heic")
MOV = media("small/clip.mov")
BOATS = media("small/boats.jpg")
CANYON = media("small/canyon.jpg")
FARM = media("small/farmhouse.jpg")
COFFEE = media("coffee.jpg")
IPHONE = (("X-Mailer", "iPhone Mail (22B83)"),)

MAILS = (
    Fixture(
        name="iphone/inline_heic",
        raw=mail(
            "Cat on the quay",
            multipart(
                "mixed",
                text("Seen this morning.\n"),
                attached("IMG_0420.HEIC", HEIC, "image/heic", disposition="inline"),
                text("\nSent from my iPhone"),
            ),
            *IPHONE,
        ),
        media=(Taken(file_name="IMG_0420.HEIC", content=HEIC, media_type="image/heic"),),
    ),
    Fixture(
        name="iphone/inline_photos_without_disposition_attachment",
        raw=mail(
            "Harbour",
            multipart(
                "mixed",
                text("Two photos"),
                attached("IMG_0001.JPG", BOATS, disposition="inline"),
                text("and"),
                attached("IMG_0002.JPG", CANYON, disposition="inline"),
                text("Sendt fra min iPhone"),
            ),
            *IPHONE,
        ),
        media=(
            Taken(file_name="IMG_0001.JPG", content=BOATS),
            Taken(file_name="IMG_0002.JPG", content=CANYON),
        ),
    ),
    Fixture(
        name="iphone/mov_video",
        raw=mail(
            "Film",
            multipart(
                "mixed",
                text(""),
                attached("IMG_0421.MOV", MOV, "video/quicktime", disposition="inline"),
                text("Sent from my iPhone"),
            ),
            *IPHONE,
        ),
        media=(Taken(file_name="IMG_0421.MOV", content=MOV, media_type="video/quicktime"),),
    ),
    Fixture(
        name="iphone/live_photo_pair",
        raw=mail(
            "Live",
            multipart(
                "mixed",
                attached("IMG_0007.HEIC", HEIC, "image/heic", disposition="inline"),
                attached("IMG_0007.MOV", MOV, "video/quicktime", disposition="inline"),
            ),
            *IPHONE,
        ),
        media=(
            Taken(file_name="IMG_0007.HEIC", content=HEIC, media_type="image/heic"),
            Taken(file_name="IMG_0007.MOV", content=MOV, media_type="video/quicktime"),
        ),
    ),
    Fixture(
        name="android/photo_in_alternative_and_mixed",
        raw=mail(
            "Gammel gård",
            multipart(
                "mixed",
                multipart("alternative", text("Se her."), html("<p dir='auto'>Se her.</p>")),
                attached("20261124_091233.jpg", FARM),
            ),
        ),
        media=(Taken(file_name="20261124_091233.jpg", content=FARM),),
    ),
    Fixture(
        name="android/photo_alone_is_the_whole_mail",
        raw=mail("PXL_1", attached("PXL_20261124.jpg", CANYON)),
        media=(Taken(file_name="PXL_20261124.jpg", content=CANYON),),
    ),
    Fixture(
        name="android/mp4_as_octet_stream",
        raw=mail(
            "Video",
            multipart(
                "mixed",
                text("From my phone"),
                attached("VID.mp4", media("small/clip.mp4"), "application/octet-stream"),
            ),
        ),
        media=(
            Taken(file_name="VID.mp4", content=media("small/clip.mp4"), media_type="video/mp4"),
        ),
    ),
    Fixture(
        name="gmail/inline_photo_by_cid",
        raw=mail(
            "Coffee fire",
            multipart(
                "related",
                multipart(
                    "alternative",
                    text("[image: coffee.jpg]"),
                    html('<div><img src="cid:ii_m1x2y3" alt="coffee.jpg" width="562"></div>'),
                ),
                entity(
                    'image/jpeg; name="coffee.jpg"',
                    COFFEE,
                    ("Content-Disposition", 'inline; filename="coffee.jpg"'),
                    ("Content-ID", "<ii_m1x2y3>"),
                    ("X-Attachment-Id", "ii_m1x2y3"),
                ),
            ),
        ),
        media=(Taken(file_name="coffee.jpg", content=COFFEE),),
    ),
    Fixture(
        name="gmail/attachment_with_content_id_that_no_html_names",
        raw=mail(
            "Boats",
            multipart(
                "mixed",
                multipart("alternative", text("Boats"), html("<div>Boats</div>")),
                attached("boats.jpg", BOATS, content_id="f_m1x2y3"),
            ),
        ),
        media=(Taken(file_name="boats.jpg", content=BOATS),),
    ),
    Fixture(
        name="gmail/photo_formats_of_the_web",
        raw=mail(
            "Formats",
            multipart(
                "mixed",
                text("One of each."),
                *(
                    attached(f"cat.{name}", media(f"small/cat.{name}"), f"image/{name}")
                    for name in ("webp", "png", "gif", "tiff", "bmp")
                ),
            ),
        ),
        media=tuple(
            Taken(
                file_name=f"cat.{name}",
                content=media(f"small/cat.{name}"),
                media_type=f"image/{name}",
            )
            for name in ("webp", "png", "gif", "tiff", "bmp")
        ),
    ),
    Fixture(
        name="gmail/video_formats",
        raw=mail(
            "Films",
            multipart(
                "mixed",
                attached("a.webm", media("small/clip.webm"), "video/webm"),
                attached("a.avi", media("small/clip.avi"), "video/x-msvideo"),
            ),
        ),
        media=(
            Taken(file_name="a.webm", content=media("small/clip.webm"), media_type="video/webm"),
            Taken(file_name="a.avi", content=media("small/clip.avi"), media_type="video/x-msvideo"),
        ),
    ),
)
