"""File names written in every way, and types that claim what the content is not."""

from __future__ import annotations

from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import attached, entity, header, mail, media, multipart, text

MOON = media("small/moon.jpg")
CLIP = media("small/clip.mp4")


def _named(
    oddity: str, expected: str, *fields: tuple[str, str], kind: str = "image/jpeg"
) -> Fixture:
    part = entity(kind, MOON, *fields)
    return Fixture(
        name=f"names/{oddity}",
        raw=mail("Moon", multipart("mixed", text("Moon."), part)),
        media=(Taken(file_name=expected, content=MOON),),
    )


def _typed(oddity: str, name: str, declared: str, content: bytes, true_type: str) -> Fixture:
    return Fixture(
        name=f"types/{oddity}",
        raw=mail("Type", multipart("mixed", text("See."), attached(name, content, declared))),
        media=(Taken(file_name=name, content=content, media_type=true_type),),
    )


def _refused(oddity: str, name: str, declared: str, content: bytes, reason: str) -> Fixture:
    return Fixture(
        name=f"types/{oddity}",
        raw=mail("Type", multipart("mixed", text("See."), attached(name, content, declared))),
        left_out=((name, reason),),
    )


def _eight_bit_name() -> Fixture:
    part = entity("image/jpeg", MOON, ("Content-Disposition", 'attachment; filename="m@ne.jpg"'))
    raw = mail("Moon", multipart("mixed", text("8 bit."), part))
    return Fixture(
        name="names/raw_latin_1",
        raw=raw.replace(b"m@ne", "måne".encode("latin-1")),
        media=(Taken(file_name="måne.jpg", content=MOON),),
    )


DISPOSITION = "Content-Disposition"
EXE = bytes.fromhex("4d5a90000300000004000000ffff0000b8") + bytes(47) + b"@" + bytes(200)
NOISE = b"\x01\x02" * 40
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
ZIP = bytes.fromhex("504b0506") + bytes(18)

MAILS = (
    _named("no_name_at_all", "image.jpg"),
    _named("no_name_but_a_disposition", "image.jpg", (DISPOSITION, "attachment")),
    _named("name_in_the_content_type_only", "moon.jpg", kind='image/jpeg; name="moon.jpg"'),
    _named(
        "rfc_2231_charset",
        "måne over fjorden.jpg",
        (DISPOSITION, "attachment; filename*=utf-8''m%C3%A5ne%20over%20fjorden.jpg"),
    ),
    _named(
        "rfc_2231_continuations",
        "en veldig lang fil med måne.jpg",
        (
            DISPOSITION,
            "attachment;\r\n filename*0*=iso-8859-1''en%20veldig%20;\r\n"
            ' filename*1="lang fil ";\r\n filename*2*=med%20m%E5ne.jpg',
        ),
    ),
    _named(
        "rfc_2047_encoded_word",
        "måne.jpg",
        (DISPOSITION, 'attachment; filename="=?utf-8?B?bcOlbmUuanBn?="'),
    ),
    _named(
        "rfc_2047_in_two_words",
        "måne og stjerner.jpg",
        (
            DISPOSITION,
            'attachment; filename="=?iso-8859-1?Q?m=E5ne_og_?=\r\n =?iso-8859-1?Q?stjerner.jpg?="',
        ),
    ),
    _named("raw_utf_8", "månen 🌕.jpg", (DISPOSITION, 'attachment; filename="månen 🌕.jpg"')),
    _eight_bit_name(),
    _named(
        "path_of_windows",
        "moon.jpg",
        (DISPOSITION, r'attachment; filename="C:\Users\Kari\Pictures\moon.jpg"'),
    ),
    _named(
        "unquoted_with_spaces", "full moon.jpg", (DISPOSITION, "attachment; filename=full moon.jpg")
    ),
    _named(
        "two_names_that_differ",
        "moon.jpg",
        (DISPOSITION, 'attachment; filename="moon.jpg"'),
        kind='image/jpeg; name="other.jpg"',
    ),
    _typed("jpeg_called_txt", "notes.txt", "text/plain", MOON, "image/jpeg"),
    _typed("video_called_jpeg", "film.jpg", "image/jpeg", CLIP, "video/mp4"),
    _typed("octet_stream", "moon", "application/octet-stream", MOON, "image/jpeg"),
    _typed("image_jpg_which_is_no_type", "moon.jpg", "image/jpg", MOON, "image/jpeg"),
    _typed("heic_called_jpeg", "cat.jpg", "image/jpeg", media("cat_exif_gps.heic"), "image/heic"),
    Fixture(
        name="types/no_content_type",
        raw=mail(
            "No type",
            multipart(
                "mixed",
                text("The photo has no Content-Type."),
                header(("Content-Disposition", 'attachment; filename="moon.jpg"'))
                + entity("image/jpeg", MOON).split(b"\r\n", 1)[1],
            ),
        ),
        media=(Taken(file_name="moon.jpg", content=MOON),),
    ),
    _refused("exe_called_jpeg", "photo.jpg", "image/jpeg", EXE, "unsupported_type"),
    _refused("zip", "photos.zip", "application/zip", ZIP, "unsupported_type"),
    _refused("pdf", "invoice.pdf", "application/pdf", PDF, "unsupported_type"),
    _refused("nothing_known_called_jpeg", "photo.jpg", "image/jpeg", NOISE, "unreadable"),
    _refused("zero_bytes", "photo.jpg", "image/jpeg", b"", "empty"),
)
