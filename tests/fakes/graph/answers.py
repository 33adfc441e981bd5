"""What Graph's answers look like: errors, messages, and what a request asks for."""

from __future__ import annotations

import base64
import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.fakes.graph.mailbox import Attachment, Mailbox, Message

_ONLY_WHEN_SELECTED = "internetMessageHeaders"
_ALWAYS = {"id", "@odata.etag"}
_PAGE_SIZE = re.compile(r"odata\.maxpagesize=(\d+)")


def error(status: int, code: str, message: str = "", **fields: str) -> web.Response:
    """An OData error; `fields` are header fields with ``_`` for ``-``."""
    inner = {
        "request-id": secrets.token_hex(8),
        "client-request-id": secrets.token_hex(8),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    body = {"error": {"code": code, "message": message or code, "innerError": inner}}
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return web.json_response(body, status=status, headers=headers)


def not_found() -> web.Response:
    """The message is not there, or its mutable ID has died."""
    return error(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def wants_immutable(request: web.Request) -> bool:
    """Whether the request asks for immutable IDs."""
    return 'IdType="ImmutableId"' in ",".join(request.headers.getall("Prefer", []))


def page_size(request: web.Request, *, default: int = 10, most: int = 1000) -> int:
    """``$top``, or ``odata.maxpagesize`` of Prefer."""
    if "$top" in request.query:
        return min(int(request.query["$top"]), most)
    found = _PAGE_SIZE.search(",".join(request.headers.getall("Prefer", [])))
    return min(int(found[1]), most) if found else default


def selected(request: web.Request) -> set[str] | None:
    """The names in ``$select``, or None."""
    value = request.query.get("$select")
    return set(value.split(",")) if value else None


def message_json(
    mailbox: Mailbox,
    message: Message,
    *,
    immutable: bool,
    select: Collection[str] | None,
    sized: bool = False,
) -> dict[str, Any]:
    """A message as Graph writes it; `sized` with its size in the store."""
    everything: dict[str, Any] = {
        "@odata.etag": f'W/"{message.version}"',
        "id": mailbox.public_id(message, immutable=immutable),
        "parentFolderId": message.folder,
        **message.properties,
    }
    if sized:
        size = str(sum(map(len, message.mime())))
        sizes = [{"id": "Integer 0xe08", "value": size}]
        everything["singleValueExtendedProperties"] = sizes
    if select is None:
        everything.pop(_ONLY_WHEN_SELECTED, None)
        return everything
    wanted = {*select, *_ALWAYS, *(["singleValueExtendedProperties"] if sized else [])}
    return {name: value for name, value in everything.items() if name in wanted}


def attachment_json(
    attachment: Attachment, *, select: Collection[str] | None = None
) -> dict[str, Any]:
    """An attachment as Graph writes it."""
    everything: dict[str, Any] = {
        "@odata.type": f"#microsoft.graph.{attachment.kind}Attachment",
        "id": attachment.id,
        "name": attachment.name,
        "contentType": attachment.media_type,
        "size": len(attachment.content),
        "isInline": attachment.inline,
    }
    if attachment.kind == "file":
        everything["contentId"] = attachment.content_id or None
        everything["contentBytes"] = base64.b64encode(attachment.content).decode()
    wanted = everything if select is None else {*select, "id", "@odata.type"}
    return {name: value for name, value in everything.items() if name in wanted}


async def parameters(request: web.Request) -> dict[str, Any]:
    """The parameters of an action; OData takes ``DestinationId`` for ``destinationId``."""
    body: dict[str, Any] = await request.json() if request.can_read_body else {}
    return {name[:1].lower() + name[1:]: value for name, value in body.items()}


def base_url(request: web.Request) -> str:
    """The service root."""
    return f"{request.scheme}://{request.host}/v1.0"
