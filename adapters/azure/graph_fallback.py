"""Makes a mail of what Graph still gives when it cannot give the raw mail: header fields, text and
attachments, each attachment as a stream.

Exchange cannot convert every message to MIME. What comes out is read like any other mail, so what
is missing is named like any other missing part: an attachment that cannot be had is an empty part.
A field of the header says that the mail is not the one that came, and the record says it too.
"""

from __future__ import annotations

import base64
import logging
import re
from contextlib import aclosing
from email.header import Header
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from adapters.azure.graph_errors import GraphCutError, GraphRefusedError
from mail_ingest.message import COMPOSED_FIELD

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from adapters.azure.graph_mail import GraphMail
    from shared.model import JsonObject

logger = logging.getLogger(__name__)

_FIELDS = ("internetMessageHeaders", "subject", "from", "internetMessageId", "body")
_FIELD_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 2.2
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_OURS_TO_SAY = ("content-", "mime-version", COMPOSED_FIELD.lower())
_LINES = 57 * 1024  # bytes that make whole lines of base64
_NESTED = "#microsoft.graph.itemAttachment"
_FILE = "#microsoft.graph.fileAttachment"
_LEAST_SHARE = 2  # of an attachment's size in the store, which counts its properties too
_SMALL = 16 * 1024
_INTERNAL_ERROR = 500


async def composed(
    mail: GraphMail, graph_id: str, *, is_last_attempt: bool = True
) -> AsyncGenerator[bytes]:
    """The mail in pieces. An attachment that Graph cannot give now is left out in the last attempt
    only. Raises GraphRefusedError when not even its text can be had, UnexpectedContentError,
    ServiceUnavailableError and GraphCutError.
    """
    message = await mail.message(graph_id, *_FIELDS)
    if message is None:
        raise GraphRefusedError(404, "ErrorItemNotFound")
    boundary = f"=_{sha256(graph_id.encode()).hexdigest()[:24]}"
    yield _header(message, boundary)
    yield _part(boundary, *_text(message.get("body") or {}))
    for attachment in await mail.attachments(graph_id):
        nested = attachment.get("@odata.type") == _NESTED
        yield _part(boundary, *_fields_of(attachment, nested=nested))
        content = _content(mail, graph_id, attachment, is_last_attempt=is_last_attempt)
        async with aclosing(content if nested else _in_base64(content)) as pieces:
            async for piece in pieces:
                yield piece
    yield f"\r\n--{boundary}--\r\n".encode("ascii")


def _header(message: JsonObject, boundary: str) -> bytes:
    given: list[JsonObject] = message.get("internetMessageHeaders") or []
    fields = [(str(each.get("name")), str(each.get("value"))) for each in given]
    lines = [
        f"{name}: {_one_line(value)}"
        for name, value in fields or _known_fields(message)
        if _FIELD_NAME.fullmatch(name) and not name.lower().startswith(_OURS_TO_SAY)
    ]
    lines.append(f"{COMPOSED_FIELD}: yes")
    lines += ["MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{boundary}"']
    return _crlf(lines)


def _known_fields(message: JsonObject) -> Iterable[tuple[str, str]]:
    """A header for a message that never had one, such as one that was made by a program."""
    sender: JsonObject = message.get("from") or {}
    author: JsonObject = sender.get("emailAddress") or {}
    if address := author.get("address"):
        yield "From", f"{Header(_one_line(author.get('name') or ''), 'utf-8')} <{address}>"
    yield "Subject", str(Header(_one_line(message.get("subject") or ""), "utf-8"))
    yield "Message-ID", str(message.get("internetMessageId") or "")


def _text(body: JsonObject) -> tuple[list[str], bytes]:
    kind = "html" if str(body.get("contentType")).lower() == "html" else "plain"
    content = str(body.get("content") or "").encode("utf-8", "replace")
    fields = [f"Content-Type: text/{kind}; charset=utf-8", "Content-Transfer-Encoding: base64"]
    return fields, _base64_lines(content)


def _fields_of(attachment: JsonObject, *, nested: bool) -> tuple[list[str], bytes]:
    declared = str(attachment.get("contentType") or "")
    known = declared if _MEDIA_TYPE.fullmatch(declared) else "application/octet-stream"
    place = "inline" if attachment.get("isInline") else "attachment"
    name = quote(str(attachment.get("name") or ""), safe="", errors="replace")  # RFC 2231
    fields = [
        f"Content-Type: {'message/rfc822' if nested else known}",
        f"Content-Disposition: {place}; filename*=utf-8''{name}",
    ]
    return [*fields, f"Content-Transfer-Encoding: {'8bit' if nested else 'base64'}"], b""


async def _content(
    mail: GraphMail, graph_id: str, attachment: JsonObject, *, is_last_attempt: bool
) -> AsyncGenerator[bytes]:
    """An attachment's bytes; none of one that Graph never gives, such as a link to a cloud file."""
    declared = str(attachment.get("contentType") or "")
    size = 0
    try:
        source = mail.attachment(graph_id, str(attachment["id"]), declared_type=declared)
        async with aclosing(source) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                yield chunk
        _check_size(attachment, size)
    except GraphRefusedError as exc:
        if exc.may_pass or (exc.status == _INTERNAL_ERROR and not is_last_attempt):
            raise
        logger.warning(
            "attachment refused", extra={"action": "attachment_refused", "code": exc.code}
        )


def _check_size(attachment: JsonObject, received: int) -> None:
    stored = attachment.get("size")
    if attachment.get("@odata.type") != _FILE or not isinstance(stored, int):
        return
    if stored > _SMALL and received < stored // _LEAST_SHARE:
        raise GraphCutError(f"{received} bytes of an attachment of {stored}")


async def _in_base64(content: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    left = bytearray()
    async with aclosing(content) as chunks:
        async for chunk in chunks:
            left += chunk
            whole = len(left) - len(left) % _LINES
            if whole:
                yield _base64_lines(bytes(left[:whole]))
                del left[:whole]
    if left:
        yield _base64_lines(bytes(left))


def _base64_lines(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _part(boundary: str, fields: list[str], content: bytes) -> bytes:
    return f"\r\n--{boundary}\r\n".encode("ascii") + _crlf(fields) + content


def _crlf(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("utf-8", "replace")


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())
