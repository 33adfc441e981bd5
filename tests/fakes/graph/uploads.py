"""Upload sessions: an attachment of 3 MB and more comes in ranges, to a URL that needs no token."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.graph import answers
from tests.fakes.graph.mailbox import Attachment

if TYPE_CHECKING:
    from tests.fakes.graph.mailbox import Mailbox

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_LARGEST_RANGE = 4 << 20


@dataclass(slots=True, kw_only=True)
class Upload:
    """One session."""

    message: str
    item: dict[str, Any]
    content: bytearray


async def create_session(
    mailbox: Mailbox, uploads: dict[str, Upload], request: web.Request
) -> web.Response:
    """POST of createUploadSession."""
    message = mailbox.find(request.match_info["id"])
    if message is None or not message.is_draft:
        return answers.not_found()
    item = (await answers.parameters(request))["attachmentItem"]
    key = secrets.token_urlsafe(12)
    uploads[key] = Upload(message=message.id, item=item, content=bytearray())
    body = {
        "uploadUrl": f"{request.scheme}://{request.host}/uploads/{key}",
        "expirationDateTime": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "nextExpectedRanges": ["0-"],
    }
    return web.json_response(body, status=201)


async def put_range(
    mailbox: Mailbox, uploads: dict[str, Upload], request: web.Request
) -> web.Response:
    """PUT of the next range; the last one makes the attachment."""
    upload = uploads.get(request.match_info["key"])
    found = _RANGE.fullmatch(request.headers.get("Content-Range", ""))
    if upload is None or found is None or "Authorization" in request.headers:
        return answers.error(400, "ErrorInvalidRequest", "No such session, range, or a token.")
    start, end, size = (int(number) for number in found.groups())
    content = await request.read()
    if start != len(upload.content) or len(content) != end - start + 1 > _LARGEST_RANGE:
        return answers.error(416, "ErrorInvalidRange", "Not the next range.")
    upload.content += content
    if len(upload.content) < size:
        return web.json_response({"nextExpectedRanges": [str(len(upload.content))]})
    message = mailbox.messages[upload.message]
    attachment = Attachment(
        name=upload.item["name"],
        content=bytes(upload.content),
        media_type=upload.item.get("contentType") or "application/octet-stream",
        content_id=upload.item.get("contentId") or "",
        inline=bool(upload.item.get("isInline")),
    )
    message.attachments.append(attachment)
    del uploads[request.match_info["key"]]
    return web.Response(status=201, headers={"Location": f"{request.url}/{attachment.id}"})
