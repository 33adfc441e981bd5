"""Odd messages, one per class of breakage, each with what must come out of it.

`python -m tests.support.mime_cases` writes them to tests/fixtures/mime as <name>.eml and .json.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tests.support import cms_encoder, msg_encoder, text_encoders, tnef_encoder

FOLDER = Path(__file__).parents[1] / "fixtures" / "mime"
PHOTO = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 2
OTHER = b"\x89PNG\r\n\x1a\n" + bytes(range(255, -1, -1))
BOUNDARY = "b1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A message, the files in it as (name, content), the clauses it breaks, refusals it meets."""

    name: str
    raw: bytes
    files: tuple[tuple[str, bytes], ...] = ()
    clauses: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()

    def twin(self) -> str:
        """The expectation as JSON."""
        files = [[name, hashlib.sha256(content).hexdigest()] for name, content in self.files]
        value = {"files": files, "clauses": self.clauses, "refusals": self.refusals}
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def b64(content: bytes, width: int = 76) -> bytes:
    """Base64 in CRLF lines."""
    letters = base64.b64encode(content)
    lines = (letters[at : at + width] + b"\r\n" for at in range(0, len(letters), width))
    return b"".join(lines)


def header(*fields: str) -> bytes:
    """A header block with its blank line."""
    return "".join(f"{field}\r\n" for field in fields).encode() + b"\r\n"


def mixed(*parts: bytes, boundary: str = BOUNDARY, subtype: str = "mixed") -> bytes:
    """A multipart entity."""
    delimiter = f"--{boundary}".encode()
    inner = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts)
    return (
        header(f'Content-Type: multipart/{subtype}; boundary="{boundary}"')
        + inner
        + (delimiter + b"--\r\n")
    )


def mail(entity: bytes) -> bytes:
    """A message around an entity."""
    return b"From: kari@example.org\r\nSubject: photos\r\nMIME-Version: 1.0\r\n" + entity


def photo(disposition: str = 'attachment; filename="a.jpg"', content: bytes = PHOTO) -> bytes:
    """A photo part in base64."""
    return named(f"Content-Disposition: {disposition}", content=content)


def named(*fields: str, content: bytes = PHOTO, media_type: str = "image/jpeg") -> bytes:
    """A base64 part with extra fields."""
    return header(
        f"Content-Type: {media_type}", *fields, "Content-Transfer-Encoding: base64"
    ) + b64(content)


def with_name(name: str, value: str) -> Case:
    """A case about one way to write a file name."""
    raw = mail(mixed(photo(f"attachment; {value}")))
    return Case(name=f"name-{name}", raw=raw, files=((name_of(name), PHOTO),))


def name_of(case: str) -> str:
    """The file name that every case about names expects."""
    return _NAMES.get(case, "blå bær.jpg")


_NAMES = {
    "windows-path": "x.png",
    "unix-path": "c.jpg",
    "unquoted-with-spaces": "my photo.jpg",
    "quotes-inside": 'a "b".jpg',
    "unclosed-quote": "a.jpg",
    "missing-semicolon": "a.jpg",
    "folded": "a long name.jpg",
    "direction-mark": "photogpj.exe",
}

TEXT = header("Content-Type: text/plain; charset=utf-8") + b"Hello.\r\n"

NAMES = (
    with_name("encoded-word", 'filename="=?utf-8?B?YmzDpSBiw6ZyLmpwZw==?="'),
    with_name("encoded-word-unquoted", "filename==?utf-8?Q?bl=C3=A5_b=C3=A6r.jpg?="),
    with_name(
        "split-inside-a-character", 'filename="=?utf-8?Q?bl=C3?= =?utf-8?Q?=A5_b=C3=A6r.jpg?="'
    ),
    with_name("latin-1-word", 'filename="=?iso-8859-1?q?bl=E5_b=E6r.jpg?="'),
    with_name("unknown-charset", 'filename="=?x-nobody-knows?Q?bl=C3=A5_b=C3=A6r.jpg?="'),
    with_name("rfc2231", "filename*=utf-8'nb'bl%C3%A5%20b%C3%A6r.jpg"),
    with_name("rfc2231-latin-1", "filename*=iso-8859-1''bl%E5%20b%E6r.jpg"),
    with_name(
        "rfc2231-continued",
        "filename*1*=%20b%C3%A6;\r\n filename*0*=utf-8''bl%C3%A5;\r\n filename*2=r.jpg",
    ),
    with_name("rfc2231-wins", "filename=\"x.jpg\"; filename*=utf-8''bl%C3%A5%20b%C3%A6r.jpg"),
    with_name("eight-bit", 'filename="blå bær.jpg"'),
    with_name("windows-path", r'filename="C:\TEMP\x.png"'),
    with_name("unix-path", 'filename="/tmp/../c.jpg"'),
    with_name("unquoted-with-spaces", "filename=my photo.jpg; size=3"),
    with_name("quotes-inside", r'filename="a \"b\".jpg"'),
    with_name("unclosed-quote", 'filename="a.jpg'),
    with_name("missing-semicolon", 'filename="a.jpg" size=3'),
    with_name("folded", 'filename="a long\r\n name.jpg"'),
    with_name("direction-mark", 'filename="photo\u202egpj.exe"'),
)

STRUCTURE = (
    Case(
        name="photo-without-name-or-content-id",
        raw=mail(mixed(TEXT, named())),
        files=(("", PHOTO),),
    ),
    Case(
        name="inline-iphone-photo",
        raw=mail(mixed(TEXT, photo("inline; filename=IMG_0001.JPG"))),
        files=(("IMG_0001.JPG", PHOTO),),
    ),
    Case(
        name="message-in-a-message",
        raw=mail(
            mixed(TEXT, header("Content-Type: message/rfc822") + mail(mixed(photo(), boundary="i")))
        ),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="message-in-base64",
        raw=mail(mixed(named(content=mail(mixed(photo())), media_type="message/rfc822"))),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="message-in-quoted-printable",
        raw=mail(
            mixed(
                header(
                    "Content-Type: message/rfc822", "Content-Transfer-Encoding: quoted-printable"
                )
                + mail(mixed(photo(), boundary="q")).replace(b"=", b"=3D")
            )
        ),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="digest-of-messages",
        raw=mail(mixed(b"\r\n" + mail(photo()), subtype="digest")),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="boundary-never-comes",
        raw=mail(header('Content-Type: multipart/mixed; boundary="x"') + b"Hello.\r\n"),
        clauses=("RFC 2046 5.1.1",),
    ),
    Case(
        name="boundary-not-named",
        raw=mail(header("Content-Type: multipart/mixed") + b"--x\r\n\r\nHello.\r\n--x--\r\n"),
        clauses=("RFC 2046 5.1.1",),
    ),
    Case(
        name="boundaries-share-a-beginning",
        raw=mail(mixed(mixed(photo(), boundary="b12"), photo("attachment; filename=o.png", OTHER))),
        files=(("a.jpg", PHOTO), ("o.png", OTHER)),
    ),
    Case(
        name="boundary-with-junk-after-it",
        raw=mail(mixed(TEXT, photo())).replace(b"--b1\r\n", b"--b1 junk\r\n"),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="boundary-with-blanks-after-it",
        raw=mail(mixed(TEXT, photo())).replace(b"--b1\r\n", b"--b1 \t\r\n"),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="inner-multipart-never-closed",
        raw=mail(
            mixed(mixed(photo(), boundary="in").removesuffix(b"--in--\r\n"), photo(content=OTHER))
        ),
        files=(("a.jpg", PHOTO), ("a.jpg", OTHER)),
    ),
    Case(
        name="truncated-in-a-photo",
        raw=mail(mixed(photo()))[:-200],
        files=(("a.jpg", PHOTO[:388]),),
        clauses=("RFC 2046 5.1.1",),
    ),
    Case(
        name="header-cut-by-a-boundary",
        raw=mail(mixed(TEXT, b"Content-Type: text/plain", photo())),
        files=(("a.jpg", PHOTO),),
        clauses=("RFC 2046 5.1",),
    ),
    Case(
        name="line-feeds-only",
        raw=mail(mixed(TEXT, photo())).replace(b"\r\n", b"\n"),
        files=(("a.jpg", PHOTO),),
    ),
    Case(name="empty", raw=b""),
    Case(name="no-header-at-all", raw=b"Hello there, and nothing more.\r\n"),
)

HEADERS = (
    Case(
        name="byte-order-mark-first",
        raw=b"\xef\xbb\xbf" + mail(mixed(photo())),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="blank-lines-first",
        raw=b"\r\n\r\n" + mail(mixed(photo())),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="mbox-line-first",
        raw=b"From kari@example.org Mon Oct  6 10:00:00 2026\r\n" + mail(mixed(photo())),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="junk-line-first",
        raw=b"this is no header\r\n" + mail(mixed(photo())),
        files=(("a.jpg", PHOTO),),
        clauses=("RFC 5322 2.1",),
    ),
    Case(
        name="continuation-not-indented",
        raw=mail(
            mixed(
                header(
                    "Content-Type: image/jpeg;",
                    'name="a.jpg"',
                    "Content-Transfer-Encoding: base64",
                )
                + b64(PHOTO)
            )
        ),
        files=(("a.jpg", PHOTO),),
        clauses=("RFC 5322 2.2.3",),
    ),
    Case(
        name="no-blank-line-before-base64",
        raw=mail(mixed(photo().replace(b"\r\n\r\n", b"\r\n"))),
        files=(("a.jpg", PHOTO),),
        clauses=("RFC 5322 2.1",),
    ),
    Case(
        name="no-blank-line-before-short-base64",
        raw=mail(mixed(photo(content=b"tiny").replace(b"\r\n\r\n", b"\r\n"))),
        files=(("a.jpg", b"tiny"),),
        clauses=("RFC 5322 2.1",),
    ),
    Case(
        name="encoding-with-a-comment",
        raw=mail(mixed(photo().replace(b": base64", b": (yes) BASE64;"))),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="type-without-subtype",
        raw=mail(mixed(photo().replace(b"image/jpeg", b"image"))),
        files=(("a.jpg", PHOTO),),
    ),
)

CRLF_PHOTO_LINES = b64(PHOTO).splitlines(keepends=True)

BODIES = (
    Case(
        name="base64-with-bad-bytes",
        raw=mail(
            mixed(photo().replace(b64(PHOTO)[:40], b64(PHOTO)[:20] + b"\x80*!" + b64(PHOTO)[20:40]))
        ),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="base64-in-odd-lines",
        raw=mail(mixed(photo().replace(b64(PHOTO), b64(PHOTO, 75)))),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="base64-in-odd-lines-after-a-blank-one",
        raw=mail(mixed(photo().replace(b64(PHOTO), b"\n" + b64(PHOTO, 75)))),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="base64-in-one-line",
        raw=mail(
            mixed(photo(content=PHOTO * 20).replace(b64(PHOTO * 20), b64(PHOTO * 20, 99_999)))
        ),
        files=(("a.jpg", PHOTO * 20),),
    ),
    Case(
        name="base64-without-padding",
        raw=mail(mixed(photo(content=PHOTO[:-2]).replace(b"=\r\n--", b"\r\n--"))),
        files=(("a.jpg", PHOTO[:-2]),),
    ),
    Case(
        name="base64-with-padding-in-it",
        raw=mail(mixed(photo().replace(CRLF_PHOTO_LINES[1], b"====" + CRLF_PHOTO_LINES[1]))),
        files=(("a.jpg", PHOTO),),
        clauses=("RFC 2045 6.8",),
    ),
    Case(
        name="base64-with-a-footer",
        raw=mail(mixed(photo(content=PHOTO + b"!") + b"____\r\nlist mailing list\r\n")),
        files=(("a.jpg", PHOTO + b"!"),),
        clauses=("RFC 2045 6.8",),
    ),
    Case(
        name="base64-ends-in-a-group",
        raw=mail(
            header("Content-Type: image/jpeg", "Content-Transfer-Encoding: base64") + b"QUJDR\r\n"
        ),
        files=(("", b"ABC"),),
        clauses=("RFC 2045 6.8",),
    ),
    Case(
        name="quoted-printable-photo",
        raw=mail(
            mixed(
                header("Content-Type: image/jpeg", "Content-Transfer-Encoding: quoted-printable")
                + b"=FF=D8=FF=E0 \t=\r\nJFIF=0D=0A=\t\r\n=00 3D=3D =ZZ="
            )
        ),
        files=(("", b"\xff\xd8\xff\xe0 \tJFIF\r\n\x00 3D= =ZZ"),),
    ),
    Case(
        name="binary-photo",
        raw=mail(
            mixed(
                header("Content-Type: image/jpeg", "Content-Transfer-Encoding: binary")
                + PHOTO
                + b"\n--b\r\n--\r\n-"
            )
        ),
        files=(("", PHOTO + b"\n--b\r\n--\r\n-"),),
    ),
    Case(
        name="unknown-encoding",
        raw=mail(
            header("Content-Type: image/jpeg", "Content-Transfer-Encoding: x-gzip64") + b"QUJD\r\n"
        ),
        files=(("", b"QUJD\r\n"),),
        refusals=("unknown_encoding",),
    ),
    Case(
        name="uuencoded-photo",
        raw=mail(
            mixed(
                header(
                    "Content-Type: image/jpeg; name=a.jpg", "Content-Transfer-Encoding: x-uuencode"
                )
                + text_encoders.uuencode(PHOTO, "a.jpg")
            )
        ),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="uuencoded-in-a-text",
        raw=mail(
            header("Content-Type: text/plain")
            + b"Look:\r\n\r\n"
            + text_encoders.uuencode(PHOTO, "a.jpg")
            + b"And:\r\n"
            + text_encoders.uuencode(OTHER, "o.png")
        ),
        files=(("a.jpg", PHOTO), ("o.png", OTHER)),
    ),
    Case(
        name="yenc-in-a-text",
        raw=mail(header("Content-Type: text/plain") + text_encoders.yenc(PHOTO, "a.jpg")),
        files=(("a.jpg", PHOTO),),
    ),
    Case(
        name="binhex",
        raw=mail(
            mixed(
                header('Content-Type: application/mac-binhex40; name="a.jpg"')
                + b"(This file must be converted with BinHex 4.0)\r\n:abc:\r\n"
            )
        ),
        files=(("a.jpg", b"(This file must be converted with BinHex 4.0)\r\n:abc:\r\n"),),
        refusals=("binhex",),
    ),
)

TNEF = tnef_encoder.tnef(tnef_encoder.File(name="a.jpg", content=PHOTO))
MSG = msg_encoder.msg(msg_encoder.File(name="a.jpg", content=PHOTO))
SIGNED = cms_encoder.signed(mixed(photo(), boundary="s"))
ENCRYPTED = cms_encoder.encrypted()


def _pkcs7(content: bytes) -> bytes:
    return named(
        'Content-Disposition: attachment; filename="smime.p7m"',
        content=content,
        media_type="application/pkcs7-mime",
    )


FORMATS = (
    Case(
        name="winmail-dat",
        raw=mail(
            mixed(
                TEXT,
                named(
                    'Content-Disposition: attachment; filename="winmail.dat"',
                    content=TNEF,
                    media_type="application/ms-tnef",
                ),
            )
        ),
        files=(("a.jpg", PHOTO), ("winmail.dat", TNEF)),
    ),
    Case(
        name="outlook-message",
        raw=mail(
            mixed(
                named(
                    'Content-Disposition: attachment; filename="fwd.msg"',
                    content=MSG,
                    media_type="application/vnd.ms-outlook",
                )
            )
        ),
        files=(("a.jpg", PHOTO), ("fwd.msg", MSG)),
    ),
    Case(
        name="outlook-message-with-a-winmail-dat",
        raw=mail(
            named(
                content=msg_encoder.msg(msg_encoder.File(name="winmail.dat", content=TNEF)),
                media_type="application/vnd.ms-outlook",
            )
        ),
        files=(
            ("a.jpg", PHOTO),
            ("winmail.dat", TNEF),
            ("", msg_encoder.msg(msg_encoder.File(name="winmail.dat", content=TNEF))),
        ),
    ),
    Case(
        name="smime-opaque",
        raw=mail(_pkcs7(SIGNED)),
        files=(("a.jpg", PHOTO), ("smime.p7m", SIGNED)),
    ),
    Case(
        name="smime-clear",
        raw=mail(
            mixed(
                mixed(photo(), boundary="in"),
                named(content=b"0\x03", media_type="application/pkcs7-signature; name=smime.p7s"),
                subtype="signed",
            )
        ),
        files=(("a.jpg", PHOTO), ("smime.p7s", b"0\x03")),
    ),
    Case(
        name="smime-encrypted",
        raw=mail(_pkcs7(ENCRYPTED)),
        files=(("smime.p7m", ENCRYPTED),),
        refusals=("encrypted",),
    ),
    Case(
        name="pgp-encrypted",
        raw=mail(
            mixed(
                header("Content-Type: application/pgp-encrypted") + b"Version: 1\r\n",
                header("Content-Type: application/octet-stream; name=e.asc") + b"-\r\n",
                subtype="encrypted",
            )
        ),
        files=(("", b"Version: 1\r\n"), ("e.asc", b"-\r\n")),
        refusals=("encrypted", "encrypted"),
    ),
    Case(
        name="sun-attachment",
        raw=b"Subject: old\nContent-Type: X-sun-attachment\n\n----------\n"
        b"X-Sun-Data-Type: text\nX-Sun-Data-Name: text\n\nHi.\n----------\n"
        b"X-Sun-Data-Type: gif-file\nX-Sun-Data-Name: a.gif\nX-Sun-Encoding-Info: uuencode\n\n"
        + text_encoders.uuencode(OTHER, "a.gif"),
        files=(("a.gif", OTHER),),
    ),
    Case(
        name="external-body",
        raw=mail(
            mixed(
                header('Content-Type: message/external-body; name="a.ps"; access-type=local-file')
                + b"Content-Type: application/postscript\r\n\r\nNOT HERE\r\n"
            )
        ),
        refusals=("external_body",),
    ),
    Case(
        name="message-in-pieces",
        raw=mail(
            header('Content-Type: message/partial; number=1; total=2; id="x"') + mail(photo())
        ),
        refusals=("fragment",),
    ),
    Case(
        name="calendar-and-contact",
        raw=mail(
            mixed(
                TEXT,
                header("Content-Type: text/calendar; name=i.ics") + b"BEGIN:VCALENDAR\r\n",
                header("Content-Type: text/vcard; name=k.vcf") + b"BEGIN:VCARD\r\n",
            )
        ),
        files=(("i.ics", b"BEGIN:VCALENDAR\r\n"), ("k.vcf", b"BEGIN:VCARD\r\n")),
    ),
)

ALL = NAMES + STRUCTURE + HEADERS + BODIES + FORMATS


def main() -> None:
    """Write every case, and remove what no case writes."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in FOLDER.iterdir():
        stale.unlink()
    for case in ALL:
        (FOLDER / f"{case.name}.eml").write_bytes(case.raw)
        (FOLDER / f"{case.name}.json").write_text(case.twin(), encoding="utf-8")


if __name__ == "__main__":
    main()
