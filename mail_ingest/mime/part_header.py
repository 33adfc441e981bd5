"""What the header block of a part says about its content (RFC 2045, RFC 2183)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mail_ingest.mime import charsets, parameters
from mail_ingest.mime.events import NO_PARAMETERS
from mail_ingest.mime.file_names import base_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLD = re.compile(rb"\r?\n(?=[ \t])")  # RFC 5322 2.2.3
# RFC 2045 5.1: type and subtype are tokens, and everything else ends them. File names are made of
# them where a mail gives none, so nothing that is no token (a NUL, a colon, a sequence of escape
# codes, half a character) may get through. RFC 6838 4.2 allows 127 characters of each.
_WORD = r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,127}"
_MEDIA_TYPE = re.compile(rf"({_WORD})\s*/\s*({_WORD})")
_UNKNOWN_TYPE = "application/octet-stream"
_COMMENT = re.compile(r"\([^()]*\)")
_OF_BARE_TYPE = {
    "text": "text/plain",
    "multipart": "multipart/mixed",
    "x-sun-attachment": "x-sun-attachment",  # older than MIME's subtypes
}
_ENCODING_MEANT = {"base-64": "base64", "b64": "base64", "quotedprintable": "quoted-printable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHeader:
    """The fields that decide how a part is read, as `events.Part` names them."""

    media_type: str
    parameters: Mapping[str, str]
    disposition: str
    file_name: str
    content_id: str
    transfer_encoding: str


def read(block: bytes, default_type: str) -> PartHeader:
    """Read a header block; `default_type` is what a part is that does not say (RFC 2046 5.1.5)."""
    fields = content_fields(block)
    type_head, type_parameters = parameters.parse(fields.get("content-type", ""))
    disposition, disposition_parameters = parameters.parse(fields.get("content-disposition", ""))
    return PartHeader(
        media_type=_media_type(type_head, type_parameters, default_type),
        parameters=type_parameters or NO_PARAMETERS,  # shared: a hostile mail has 8,000 at once
        disposition=disposition,
        file_name=_file_name(disposition_parameters, type_parameters),
        content_id=charsets.guess(
            charsets.to_bytes(fields.get("content-id", "").strip("<> \t\r\n"))
        ),
        transfer_encoding=_transfer_encoding(fields.get("content-transfer-encoding", "")),
    )


def content_fields(block: bytes) -> dict[str, str]:
    """The ``Content-...`` fields, unfolded, by name in lower case; of several the first that says
    something.
    """
    fields: dict[str, str] = {}
    if not block:
        return fields
    for line in _FOLD.sub(b"", block).split(b"\n"):
        if line[:8].lower() == b"content-":
            name, _, value = line.partition(b":")
            key = name.strip().lower().decode("ascii", "replace")
            if not fields.get(key):
                fields[key] = charsets.from_header(value.strip())
    return fields


def media_type_in(text: str) -> str:
    """The media type that a text begins with, in lower case; that of any bytes if with none."""
    match = _MEDIA_TYPE.match(text.strip().lower())
    return _UNKNOWN_TYPE if match is None else f"{match[1]}/{match[2]}"


def _media_type(head: str, type_parameters: Mapping[str, str], default: str) -> str:
    match = _MEDIA_TYPE.match(head)
    if match is not None:
        return f"{match[1]}/{match[2]}"
    if "boundary" in type_parameters and "/" not in head:
        return "multipart/mixed"
    return _OF_BARE_TYPE.get(head, _UNKNOWN_TYPE) if head else default


def _file_name(disposition: Mapping[str, str], content_type: Mapping[str, str]) -> str:
    # RFC 2183 2.3 names the file; older mailers know only the name parameter of RFC 1341.
    candidates = (
        disposition.get("filename"),
        disposition.get("name"),
        content_type.get("name"),
        content_type.get("filename"),
    )
    return next((name for each in candidates if each and (name := base_name(each))), "")


def _transfer_encoding(value: str) -> str:
    word = _COMMENT.sub(" ", value).strip(" \t\"';").lower()
    return _ENCODING_MEANT.get(word, word)
