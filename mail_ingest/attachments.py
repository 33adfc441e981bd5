"""Which files are photos and videos, and which are left out and why. Pure: values in, values out.

Most rules know a file's content and claims only, so the HTTP door uses them for uploads too; those
that read a mail's `Part` stand at the end. Not here: reading types (`mail_ingest.sniff`) and
storing (`mail_ingest.collect`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mail_ingest.mime.events import Refusal
from mail_ingest.sniff import OCTET_STREAM
from shared.model import Kind, LeftOutReason

if TYPE_CHECKING:
    from mail_ingest.image_size import Size
    from mail_ingest.mime.events import Part

PHOTO_TYPES = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/heic",
        "image/heif",
        "image/avif",
        "image/tiff",
        "image/x-adobe-dng",
        "image/bmp",
        "image/jp2",
    }
)  # what Pillow with pi-heif opens; camera raw other than DNG is not among them
VIDEO_TYPES = frozenset(
    {
        "video/mp4",
        "video/x-m4v",
        "video/quicktime",
        "video/webm",
        "video/x-matroska",
        "video/x-msvideo",
        "video/3gpp",
        "video/mpeg",
        "video/mp2t",
        "video/x-ms-wmv",
        "video/x-flv",
    }
)
PIXEL_SIDE = 3
LOGO_BYTES = 40_000
LOGO_SIDE = 300
LOGO_BYTES_AT_MOST = 400_000  # what 300 x 300 pixels need uncompressed, with room for a header

_BY_TYPE = {
    "text/calendar": LeftOutReason.CALENDAR,
    "application/ics": LeftOutReason.CALENDAR,
    "text/vcard": LeftOutReason.CONTACT_CARD,
    "text/x-vcard": LeftOutReason.CONTACT_CARD,
    "text/directory": LeftOutReason.CONTACT_CARD,  # RFC 2426, the vCard of 1998
    "application/pgp-signature": LeftOutReason.CRYPTOGRAPHIC_SIGNATURE,
    "application/pkcs7-signature": LeftOutReason.CRYPTOGRAPHIC_SIGNATURE,
    "application/x-pkcs7-signature": LeftOutReason.CRYPTOGRAPHIC_SIGNATURE,
    "application/pgp-encrypted": LeftOutReason.ENCRYPTED,
    "message/partial": LeftOutReason.PARTIAL,
}
_BY_REFUSAL = {
    Refusal.ENCRYPTED: LeftOutReason.ENCRYPTED,
    Refusal.BINHEX: LeftOutReason.REFUSED_ENCODING,
    Refusal.FRAGMENT: LeftOutReason.PARTIAL,
    Refusal.EXTERNAL_BODY: LeftOutReason.UNSUPPORTED_TYPE,
    Refusal.CONTAINER_TOO_LARGE: LeftOutReason.TOO_LARGE,
    Refusal.LIMIT_REACHED: LeftOutReason.TOO_LARGE,
}
_MEDIA_NAME = re.compile(
    r"\.(jpe?g|png|gif|webp|hei[cf]|avif|tiff?|dng|bmp|jp2|mp4|m4v|mov|webm|mkv|avi|3gp|mpe?g|m?ts|wmv|flv)\Z",
    re.IGNORECASE,
)
_MEDIA_TYPE = re.compile(r"[a-z0-9][\w!#$&^.+-]{0,126}/[a-z0-9][\w!#$&^.+-]{0,126}", re.A | re.I)
_CID = re.compile(r"cid:([^\"'\s<>)]{1,1000})", re.IGNORECASE)  # RFC 2392


def kind_of(media_type: str) -> Kind | None:
    """Photo or video, if it is a type that we take."""
    if media_type in PHOTO_TYPES:
        return Kind.PHOTO
    return Kind.VIDEO if media_type in VIDEO_TYPES else None


def why_unsupported(*, true_type: str, declared_type: str, file_name: str) -> LeftOutReason:
    """Why a file whose true type we do not take is left out.

    Bytes that claim to be a photo or a video and are nothing known are damaged; everything else is
    what it is, or what it says it is.
    """
    declared = declared_type.startswith(("image/", "video/"))
    claims_media = declared or bool(_MEDIA_NAME.search(file_name))
    if true_type == OCTET_STREAM and claims_media:
        return LeftOutReason.UNREADABLE
    reason = _BY_TYPE.get(declared_type) or _BY_TYPE.get(true_type)
    return reason or LeftOutReason.UNSUPPORTED_TYPE


def declared_media_type(value: str) -> str:
    """A declared media type as far as it is one (RFC 6838 4.2); it comes from strangers."""
    return value.lower() if _MEDIA_TYPE.fullmatch(value) else OCTET_STREAM


def told_type(true_type: str, declared_type: str) -> str:
    """The type to name to people: what the content is, or what it claims to be where the content
    tells next to nothing.
    """
    vague = true_type in ("", OCTET_STREAM, "text/plain", "application/zip")
    return declared_type if vague and declared_type else true_type or OCTET_STREAM


def is_tracking_pixel(pixels: Size | None) -> bool:
    """Whether an image is too small to be seen."""
    return pixels is not None and max(pixels) <= PIXEL_SIDE


def is_logo_sized(size: int, pixels: Size | None) -> bool:
    """Whether an image is small enough for a logo, in bytes or on its longer side.

    It is a signature logo if the HTML refers to it as well: see `cids_in`.
    """
    if size < LOGO_BYTES:
        return True
    return pixels is not None and max(pixels) < LOGO_SIDE and size < LOGO_BYTES_AT_MOST


def cids_in(html: str) -> frozenset[str]:
    """The Content-IDs that an HTML text refers to, as `content_id_key` makes them."""
    return frozenset(content_id_key(found) for found in _CID.findall(html))


def content_id_key(content_id: str) -> str:
    """A Content-ID for comparison: percent-decoded (RFC 2392 section 2), in lower case."""
    return unquote(content_id).strip().strip("<>").lower()


def is_text_body(part: Part) -> bool:
    """Whether a part is text for people to read, and so neither media nor an attachment."""
    return (
        part.media_type in ("text/plain", "text/html", "text/enriched", "text/richtext")
        and part.refusal in (None, Refusal.UNKNOWN_ENCODING)
        and not part.file_name
        and part.disposition != "attachment"
    )


def why_refused(refusal: Refusal | None) -> LeftOutReason | None:
    """Why a part that the reader does not open is left out; None when its content decides.

    Bytes in an unknown encoding come as they are, and may well be a photo.
    """
    if refusal is None or refusal is Refusal.UNKNOWN_ENCODING:
        return None
    return _BY_REFUSAL[refusal]
