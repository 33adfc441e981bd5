"""Reading: a message, listings, raw MIME, attachments and folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.graph import answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.graph.mailbox import Mailbox, Message

CUT_AFTER: web.RequestKey[int] = web.RequestKey("cut_after", int)
ENDS_WELL: web.RequestKey[int] = web.RequestKey("ends_well", int)  # cut, with this status
_EQUALS = re.compile(r"(\w+) eq '((?:[^']|'')*)'")


async def get_message(mailbox: Mailbox, request: web.Request) -> web.Response:
    """GET of a message."""
    message = mailbox.find(request.match_info["id"])
    return answers.not_found() if message is None else _whole(mailbox, request, message)


async def list_messages(mailbox: Mailbox, request: web.Request) -> web.Response:
    """GET of a folder's messages, or of all, newest first. Pages count by ``$skip``, as in Graph:
    what is moved away between two pages shifts the rest.
    """
    found = list(reversed(mailbox.messages.values()))
    if "folder" in request.match_info:
        folder = mailbox.folder_id(request.match_info["folder"])
        found = [message for message in found if message.folder == folder]
    if condition := _EQUALS.fullmatch(request.query.get("$filter", "")):
        name, wanted = condition[1], condition[2].replace("''", "'")
        found = [message for message in found if message.properties.get(name) == wanted]
    return _page(mailbox, request, found)


async def get_value(mailbox: Mailbox, request: web.Request) -> web.StreamResponse:
    """GET of a message's MIME, chunked: Graph does not say how long it is."""
    message = mailbox.find(request.match_info["id"])
    if message is None:
        return answers.not_found()
    if message.broken_mime:
        return answers.error(500, "ErrorMimeContentConversionFailed", "Conversion failed.")
    status = request.get(ENDS_WELL, 200)
    response = web.StreamResponse(status=status, headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    left = request.get(CUT_AFTER)
    for piece in message.mime():
        if left is not None and len(piece) >= left:
            await response.write(piece[:left])
            if ENDS_WELL in request:
                break
            assert request.transport is not None
            request.transport.abort()
            return response
        left = None if left is None else left - len(piece)
        await response.write(piece)
    await response.write_eof()
    return response


async def list_attachments(mailbox: Mailbox, request: web.Request) -> web.Response:
    """GET of a message's attachments, files with content unless ``$select``
    leaves it out.
    """
    message = mailbox.find(request.match_info["id"])
    if message is None:
        return answers.not_found()
    select = answers.selected(request)
    value = [
        answers.attachment_json(attachment, select=select) for attachment in message.attachments
    ]
    return web.json_response({"value": value})


async def get_attachment_value(mailbox: Mailbox, request: web.Request) -> web.Response:
    """GET of an attachment's raw content; a reference has none."""
    message = mailbox.find(request.match_info["id"])
    wanted = request.match_info["attachment"]
    found = [a for a in message.attachments if a.id == wanted] if message else []
    if not found:
        return answers.not_found()
    (attachment,) = found
    if attachment.kind == "reference":
        return answers.error(405, "ErrorInvalidRequest", "Not supported for this attachment.")
    if attachment.broken:
        return answers.error(500, "ErrorInternalServerError")
    status, content = request.get(ENDS_WELL, 200), attachment.content
    if ENDS_WELL in request:
        content = content[: request[CUT_AFTER]]
    return web.Response(status=status, body=content, content_type=attachment.media_type)


async def get_folder(mailbox: Mailbox, request: web.Request) -> web.Response:
    """GET of a folder by its ID or its well-known name."""
    folder = mailbox.folder_id(request.match_info["folder"])
    if folder not in mailbox.folders:
        return answers.error(404, "ErrorItemNotFound", "The specified folder was not found.")
    return web.json_response(folder_json(mailbox, folder))


async def list_folders(mailbox: Mailbox, request: web.Request) -> web.Response:
    """GET of the folders, all or those of a name."""
    condition = _EQUALS.fullmatch(request.query.get("$filter", ""))
    wanted = condition[2].replace("''", "'").lower() if condition else None
    value = [
        folder_json(mailbox, folder)
        for folder, name in mailbox.folders.items()
        if wanted is None or name.lower() == wanted
    ]
    return web.json_response({"value": value})


def folder_json(mailbox: Mailbox, folder: str) -> dict[str, Any]:
    """A folder as Graph writes it."""
    held = sum(message.folder == folder for message in mailbox.messages.values())
    return {"id": folder, "displayName": mailbox.folders[folder], "totalItemCount": held}


def _whole(mailbox: Mailbox, request: web.Request, message: Message) -> web.Response:
    body = answers.message_json(
        mailbox,
        message,
        immutable=answers.wants_immutable(request),
        select=answers.selected(request),
        sized="0x0E08" in request.query.get("$expand", ""),
    )
    return web.json_response(body)


def _page(mailbox: Mailbox, request: web.Request, found: Sequence[Message]) -> web.Response:
    skip, size = int(request.query.get("$skip", "0")), answers.page_size(request)
    immutable, select = answers.wants_immutable(request), answers.selected(request)
    rows = found[skip : skip + size]
    body: dict[str, Any] = {
        "value": [
            answers.message_json(mailbox, message, immutable=immutable, select=select)
            for message in rows
        ]
    }
    if skip + size < len(found):
        query = {**request.query, "$top": str(size), "$skip": str(skip + size)}
        path = request.path.removeprefix("/v1.0")
        body["@odata.nextLink"] = str(request.url.with_path(f"/v1.0{path}").with_query(query))
    return web.json_response(body)
