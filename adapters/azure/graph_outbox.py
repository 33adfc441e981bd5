"""Drafts in one mailbox of Graph: made, filled and sent. Not here: sending once (`graph_sender`).

No call is tried again here. Methods raise what `GraphClient.json` raises.
"""

from __future__ import annotations

import base64
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.azure.graph_requests import request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.azure.graph_mail import GraphMail
    from shared.model import JsonObject

_SMALL = 3_000_000  # bytes; from here on Graph wants an upload session
_RANGE = 12 * 327_680  # bytes of one upload: under 4 MB, and a multiple of 320 KiB


class DraftState(StrEnum):
    """What became of a draft."""

    DRAFT = "draft"
    SENT = "sent"
    GONE = "gone"


class GraphOutbox:
    """The drafts of the mailbox that `mail` reads."""

    def __init__(self, mail: GraphMail) -> None:
        self._mail = mail
        self._client = mail.client

    async def reply_to(self, graph_id: str, fields: Mapping[str, str]) -> str:
        """A draft that answers a message, in its thread; the draft's ID.

        `fields` are header fields of our own: Graph takes five at most, each beginning with x-, and
        only now.
        """
        headers = [{"name": name, "value": value} for name, value in fields.items()]
        body: JsonObject = {"message": {"internetMessageHeaders": headers}}
        builder = self._mail.user.messages.by_message_id(graph_id).create_reply
        return str((await self._client.json(request(builder, "POST", body=body)))["id"])

    async def draft(self, mime: bytes) -> str:
        """A draft of a whole mail; its ID."""
        made = request(self._mail.user.messages, "POST", mime=base64.b64encode(mime))
        return str((await self._client.json(made))["id"])

    async def state(self, draft_id: str) -> DraftState:
        """Look what became of a draft."""
        found = await self._mail.message(draft_id, "isDraft")
        if found is None:
            return DraftState.GONE
        return DraftState.DRAFT if found.get("isDraft") else DraftState.SENT

    async def write(self, draft_id: str, *, subject: str, html: str, recipient: str) -> None:
        """Replace what a draft says, and to whom. Graph makes the plain text of the HTML."""
        changes: JsonObject = {
            "subject": subject,
            "body": {"contentType": "html", "content": html},
            "toRecipients": [{"emailAddress": {"address": recipient}}],
            "ccRecipients": [],
            "bccRecipients": [],
        }
        await self._mail.update(draft_id, changes)

    async def attachment_names(self, draft_id: str) -> set[str]:
        """The names of what is attached to a draft."""
        return {str(each.get("name")) for each in await self._mail.attachments(draft_id)}

    async def attach_picture(self, draft_id: str, *, name: str, cid: str, jpeg: bytes) -> None:
        """Attach a picture of any size that the HTML shows."""
        item: JsonObject = {
            "name": name,
            "contentType": "image/jpeg",
            "contentId": cid,
            "isInline": True,
        }
        attachments = self._mail.user.messages.by_message_id(draft_id).attachments
        if len(jpeg) < _SMALL:
            kind = "#microsoft.graph.fileAttachment"
            content = base64.b64encode(jpeg).decode("ascii")
            body: JsonObject = {"@odata.type": kind, **item, "contentBytes": content}
            await self._client.json(request(attachments, "POST", body=body))
            return
        whole: JsonObject = {"attachmentType": "file", "size": len(jpeg), **item}
        made = request(attachments.create_upload_session, "POST", body={"AttachmentItem": whole})
        await self._upload(str((await self._client.json(made))["uploadUrl"]), jpeg)

    async def send(self, draft_id: str) -> None:
        """Send a draft. After ServiceUnavailableError it is unclear whether it went out."""
        builder = self._mail.user.messages.by_message_id(draft_id).send
        await self._client.json(request(builder, "POST"))

    async def delete(self, draft_id: str) -> None:
        """Delete a draft."""
        builder = self._mail.user.messages.by_message_id(draft_id)
        await self._client.json(request(builder, "DELETE"))

    async def _upload(self, url: str, content: bytes) -> None:
        for start in range(0, len(content), _RANGE):
            piece = content[start : start + _RANGE]
            place = f"bytes {start}-{start + len(piece) - 1}/{len(content)}"
            await self._client.upload(url, piece, content_range=place)
