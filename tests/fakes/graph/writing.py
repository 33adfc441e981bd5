"""Changing what is there: moves, patches, deletions and new folders."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakes.graph import answers
from tests.fakes.graph.headers import refused_headers
from tests.fakes.graph.reading import folder_json

if TYPE_CHECKING:
    from tests.fakes.graph.mailbox import Mailbox

_ALWAYS = {"isRead", "categories", "flag", "singleValueExtendedProperties"}
_OF_DRAFTS = {"subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo"}


async def patch_message(mailbox: Mailbox, request: web.Request) -> web.Response:
    """PATCH of a message; with If-Match only if nobody changed it meanwhile."""
    message = mailbox.find(request.match_info["id"])
    if message is None:
        return answers.not_found()
    expected = request.headers.get("If-Match", f'W/"{message.version}"')
    if expected not in ("*", f'W/"{message.version}"'):
        return answers.error(412, "ErrorIrresolvableConflict", "The change key does not match.")
    changes = await answers.parameters(request)
    if refusal := refused_headers(changes):
        return refusal
    writable = _ALWAYS | _OF_DRAFTS if message.is_draft else _ALWAYS
    if extra := set(changes) - writable:
        return answers.error(400, "ErrorInvalidPropertySet", f"{sorted(extra)} cannot be set.")
    mailbox.update(message, changes)
    body = answers.message_json(
        mailbox, message, immutable=answers.wants_immutable(request), select=None
    )
    return web.json_response(body)


async def move_message(mailbox: Mailbox, request: web.Request) -> web.Response:
    """POST of move. Its mutable ID dies."""
    message = mailbox.find(request.match_info["id"])
    if message is None:
        return answers.not_found()
    folder = mailbox.folder_id((await answers.parameters(request)).get("destinationId", ""))
    if folder not in mailbox.folders:
        return answers.error(404, "ErrorItemNotFound", "The specified folder was not found.")
    mailbox.move(message, folder)
    body = answers.message_json(
        mailbox, message, immutable=answers.wants_immutable(request), select=None
    )
    return web.json_response(body, status=201)


async def delete_message(mailbox: Mailbox, request: web.Request) -> web.Response:
    """DELETE of a message."""
    message = mailbox.find(request.match_info["id"])
    if message is None:
        return answers.not_found()
    mailbox.delete(message)
    return web.Response(status=204)


async def create_folder(mailbox: Mailbox, request: web.Request) -> web.Response:
    """POST of a folder; names are unique."""
    name = (await answers.parameters(request))["displayName"]
    if name.lower() in (known.lower() for known in mailbox.folders.values()):
        return answers.error(409, "ErrorFolderExists", "A folder of this name exists.")
    folder = f"AQ{secrets.token_urlsafe(12)}"
    mailbox.folders[folder] = name
    return web.json_response(folder_json(mailbox, folder), status=201)
