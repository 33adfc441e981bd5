"""x-sun-attachment, the multipart of Sun's mail tools from before MIME.

Attachments lie between lines of ten hyphens, each with header fields of its own. There is no
standard; this is what those tools write. A body without a file name is text, like the first part.
"""

from __future__ import annotations

import binascii
import re
from itertools import islice
from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw, beyond
from mail_ingest.mime.formats import Enclosure, Opened
from mail_ingest.mime.formats.uuencode import UuDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mail_ingest.mime.limits import Limits

NO_ATTACHMENTS = Flaw(
    clause="x-sun-attachment", sentence="What claims to be Sun attachments has no line of hyphens."
)
UNKNOWN_ENCODING = Flaw(
    clause="X-Sun-Encoding-Info",
    sentence="A Sun attachment is packed in a way that is not undone; it is given as it came.",
)

_SEPARATOR = re.compile(rb"^-{10}[ \t]*\r?\n(?=X-Sun-)", re.MULTILINE | re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n[ \t]*(?:\r?\n|\Z)")
_FIELD = re.compile(rb"^(X-Sun-[\w-]+):[ \t]*([^\r\n]*)", re.MULTILINE | re.IGNORECASE)
_LAST_LINE = re.compile(rb"\r?\n-{10}[ \t]*\s*\Z")
_MEDIA_TYPES = {
    "text": "text/plain",
    "default": "text/plain",
    "gif-file": "image/gif",
    "jpeg-file": "image/jpeg",
    "tiff-file": "image/tiff",
    "mail-file": "message/rfc822",
    "postscript-file": "application/postscript",
}
_HEADER_BYTES = 64 * 1024


def open_sun_attachment(body: bytes, limits: Limits) -> Opened:
    """The attachments of a body of type x-sun-attachment, its text among them."""
    separators = list(islice(_SEPARATOR.finditer(body), limits.parts + 1))
    if not separators:
        return Opened(flaws=(NO_ATTACHMENTS,))
    starts = [separator.end() for separator in separators]
    ends = [*(separator.start() for separator in separators[1:]), len(body)]
    flaws: list[Flaw] = []
    if len(starts) > limits.parts:
        flaws.append(beyond("parts", limits.parts))
    enclosures: list[Enclosure] = []
    for start, end in list(zip(starts, ends, strict=True))[: limits.parts]:
        enclosure, found = _attachment(body[start:end])
        enclosures.append(enclosure)
        flaws += [flaw for flaw in found if flaw not in flaws]
    return Opened(enclosures=tuple(enclosures), flaws=tuple(flaws))


def _attachment(raw: bytes) -> tuple[Enclosure, Sequence[Flaw]]:
    blank = _BLANK_LINE.search(raw, 0, _HEADER_BYTES)
    head, content = (raw[: blank.start()], raw[blank.end() :]) if blank else (raw, b"")
    fields = {
        name.lower().decode("ascii"): value.strip().decode("utf-8", "replace")
        for name, value in _FIELD.findall(head[:_HEADER_BYTES])
    }
    content, flaws = _decoded(_without_last_line(content), fields.get("x-sun-encoding-info", ""))
    data_type = fields.get("x-sun-data-type", "default").lower()
    name = fields.get("x-sun-data-name", "")
    enclosure = Enclosure(
        file_name="" if name.lower() == data_type == "text" else name,
        media_type=_MEDIA_TYPES.get(data_type, "application/octet-stream"),
        content=content,
    )
    return enclosure, flaws


def _without_last_line(content: bytes) -> bytes:
    """Leave out the hyphens that some tools write after the last attachment."""
    tail = max(0, len(content) - 100)
    last = _LAST_LINE.search(content, tail)
    return content[: last.start()] if last else content


def _decoded(content: bytes, encodings: str) -> tuple[bytes, Sequence[Flaw]]:
    """Undo the encodings, which are named in the order in which they were made."""
    flaws: Sequence[Flaw] = ()
    for encoding in reversed([one.strip().lower() for one in encodings.split(",") if one.strip()]):
        if encoding == "uuencode":
            decoder = UuDecoder()
            content = b"".join(decoder.feed(content)) + decoder.close()
            flaws = decoder.flaws
        elif encoding == "base64":
            content, flaws = _from_base64(content)
        else:
            return content, (*flaws, UNKNOWN_ENCODING)
    return content, flaws


def _from_base64(content: bytes) -> tuple[bytes, Sequence[Flaw]]:
    try:
        return binascii.a2b_base64(content), ()
    except binascii.Error:
        return content, (UNKNOWN_ENCODING,)
