"""Drafts and sending. `Sent` is what the world gets; a draft is sent once, then it is no draft."""

from __future__ import annotations

import base64
import email
import email.policy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.graph import answers
from tests.fakes.graph.headers import refused_headers
from tests.fakes.graph.mailbox import Attachment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.graph.mailbox import Mailbox, Message

LARGEST_ATTACHMENT = 3 << 20  # in a request of its own; a larger one needs an upload session


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A mail that went out. `in_reply_to` is a Message-ID; `mime` is set for a mail that was given
    as MIME, and then everything else is read from it.
    """

    to: tuple[str, ...]
    subject: str
    body: str
    in_reply_to: str
    headers: dict[str, str]
    attachments: Sequence[Attachment]
    mime: bytes = b""


async def create_message(mailbox: Mailbox, request: web.Request) -> web.Response:
    """POST of a draft, as JSON or as MIME in base64."""
    if request.content_type == "text/plain":
        raw = base64.b64decode(await request.read())
        return _draft(mailbox, request, {}, raw=raw)
    given = await answers.parameters(request)
    return refused_headers(given) or _draft(mailbox, request, given)


async def create_reply(mailbox: Mailbox, request: web.Request) -> web.Response:
    """POST of createReply: a draft that keeps the thread. Its comment is not part of its body."""
    original = mailbox.find(request.match_info["id"])
    if original is None:
        return answers.not_found()
    given = await answers.parameters(request)
    message: dict[str, Any] = given.get("message") or {}
    if given.get("comment") and message.get("body"):
        return answers.error(400, "ErrorInvalidRequest", "Comment and body exclude each other.")
    if refusal := refused_headers(message):
        return refusal
    to = original.properties.get("replyTo") or [original.properties.get("from")]
    properties = {
        "subject": f"RE: {original.properties['subject']}",
        "toRecipients": [recipient for recipient in to if recipient],
        "conversationId": original.properties.get("conversationId"),
        "body": {"contentType": "html", "content": "<html><body>quoted</body></html>"},
        **message,
    }
    parent = original.properties["internetMessageId"]
    return _draft(mailbox, request, properties, in_reply_to=parent)


async def send_draft(mailbox: Mailbox, sent: list[Sent], request: web.Request) -> web.Response:
    """POST of send: the draft goes out and lies in Sent Items."""
    message = mailbox.find(request.match_info["id"])
    if message is None or not message.is_draft:
        return answers.not_found()
    message.properties["isDraft"] = False
    mailbox.move(message, "sentitems")
    sent.append(_sent(message))
    return web.Response(status=202)


async def send_mail(mailbox: Mailbox, sent: list[Sent], request: web.Request) -> web.Response:
    """POST of sendMail, as JSON or as MIME in base64. Nothing tells two calls from one."""
    if request.content_type == "text/plain":
        raw = base64.b64decode(await request.read())
        message = mailbox.add("sentitems", lambda: [raw], **_properties_of(raw))
    else:
        given = (await answers.parameters(request))["message"]
        if refusal := refused_headers(given):
            return refusal
        message = mailbox.add("sentitems", lambda: [b""], **given)
    sent.append(_sent(message))
    return web.Response(status=202)


async def add_attachment(mailbox: Mailbox, request: web.Request) -> web.Response:
    """POST of a small attachment to a draft."""
    message = mailbox.find(request.match_info["id"])
    if message is None or not message.is_draft:
        return answers.not_found()
    given = await answers.parameters(request)
    content = base64.b64decode(given["contentBytes"])
    if len(content) >= LARGEST_ATTACHMENT:
        return answers.error(413, "ErrorAttachmentSizeLimitExceeded", "Use an upload session.")
    attachment = Attachment(
        name=given["name"],
        content=content,
        media_type=given.get("contentType", "application/octet-stream"),
        content_id=given.get("contentId", ""),
        inline=given.get("isInline", False),
    )
    message.attachments.append(attachment)
    return web.json_response(answers.attachment_json(attachment), status=201)


def _draft(
    mailbox: Mailbox,
    request: web.Request,
    properties: dict[str, Any],
    *,
    raw: bytes = b"",
    in_reply_to: str = "",
) -> web.Response:
    known = {**properties, **(_properties_of(raw) if raw else {}), "isDraft": True}
    message = mailbox.add("drafts", lambda: [raw], **known)
    message.in_reply_to = in_reply_to
    immutable = answers.wants_immutable(request)
    body = answers.message_json(mailbox, message, immutable=immutable, select=None)
    return web.json_response(body, status=201)


def _properties_of(raw: bytes) -> dict[str, Any]:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    to = [{"emailAddress": {"address": a.addr_spec}} for a in parsed["To"].addresses]
    text = parsed.get_body(("html", "plain"))
    return {
        "subject": str(parsed["Subject"] or ""),
        "toRecipients": to,
        "internetMessageId": str(parsed["Message-ID"] or ""),
        "body": {"contentType": "html", "content": text.get_content() if text else ""},
    }


def _sent(message: Message) -> Sent:
    properties = message.properties
    mime = b"".join(message.mime())
    if mime:
        parsed = email.message_from_bytes(mime, policy=email.policy.default)
        headers = {name: str(value) for name, value in parsed.items()}
    else:
        given = properties.get("internetMessageHeaders", [])
        headers = {field["name"]: field["value"] for field in given}
    return Sent(
        to=tuple(each["emailAddress"]["address"] for each in properties.get("toRecipients", [])),
        subject=properties["subject"],
        body=properties["body"]["content"],
        in_reply_to=message.in_reply_to or headers.get("In-Reply-To", ""),
        headers=headers,
        attachments=tuple(message.attachments),
        mime=mime,
    )
