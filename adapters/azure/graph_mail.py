"""What we read and move in one mailbox of Graph, as plain JSON. Not here: any rule."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.azure.graph_errors import GraphCutError, GraphRefusedError
from adapters.azure.graph_requests import follow, request
from adapters.azure.mime_check import RepeatedCuts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from msgraph.generated.users.item.user_item_request_builder import (  # pyright: ignore[reportMissingTypeStubs]
        UserItemRequestBuilder,
    )

    from adapters.azure.graph_client import GraphClient
    from shared.model import JsonObject

_PAGE = "odata.maxpagesize=100"
_CONFLICT = 409
_MOST_ATTACHMENT_PAGES = 100
_FOLDERS_KNOWN_S = 600.0  # a folder that a person throws away keeps its ID, and its mails with it
_STORED_SIZE = "Integer 0x0E08"  # PidTagMessageSize (MS-OXPROPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows, and the links to what follows: more of this round, or the next round."""

    rows: Sequence[JsonObject]
    next_link: str = ""
    delta_link: str = ""


class GraphMail:
    """One mailbox; `address` names it. Methods raise what `GraphClient` raises."""

    def __init__(self, client: GraphClient, address: str) -> None:
        self.address = address
        self.client = client
        self.cuts = RepeatedCuts()
        self._folders: dict[str, tuple[str, float]] = {}  # IDs, and until when we believe them

    @property
    def user(self) -> UserItemRequestBuilder:
        """The SDK's builders of this mailbox."""
        return self.client.api.users.by_user_id(self.address)

    async def message(self, graph_id: str, *fields: str) -> JsonObject | None:
        """These fields of a message, or None when it is not there."""
        builder = self.user.messages.by_message_id(graph_id)
        try:
            return await self.client.json(request(builder, query={"select": list(fields)}))
        except GraphRefusedError as exc:
            if exc.is_gone:
                return None
            raise

    async def changes(self, link: str, *fields: str) -> Page:
        """A page of the Inbox's changes: from the start without a link, else what it leads to."""
        if link:
            return _page(await self.client.json(follow(link, prefer=[_PAGE])))
        builder = self.user.mail_folders.by_mail_folder_id("inbox").messages.delta
        query = {"select": list(fields)}
        return _page(await self.client.json(request(builder, query=query, prefer=[_PAGE])))

    async def listing(self, link: str, *fields: str) -> Page:
        """A page of what lies in the Inbox."""
        if link:
            return _page(await self.client.json(follow(link)))
        builder = self.user.mail_folders.by_mail_folder_id("inbox").messages
        query = {"select": list(fields), "top": "250"}
        return _page(await self.client.json(request(builder, query=query)))

    async def with_message_id(self, message_id: str, *fields: str) -> Sequence[JsonObject]:
        """The messages of this Message-ID in any folder; several when it was delivered again."""
        condition = f"internetMessageId eq '{_quoted(message_id)}'"
        query = {"filter": condition, "select": list(fields), "top": "50"}
        return _page(await self.client.json(request(self.user.messages, query=query))).rows

    def mime(self, graph_id: str) -> AsyncGenerator[bytes]:
        """The raw message. Exchange makes it anew each time: its bytes are no key."""
        return self.client.stream(request(self.user.messages.by_message_id(graph_id).content))

    async def move(self, graph_id: str, folder_id: str) -> None:
        """Move a message; its immutable ID stays."""
        builder = self.user.messages.by_message_id(graph_id).move
        await self.client.json(request(builder, "POST", body={"destinationId": folder_id}))

    async def update(self, graph_id: str, changes: JsonObject) -> None:
        """Change properties of a message."""
        builder = self.user.messages.by_message_id(graph_id)
        await self.client.json(request(builder, "PATCH", body=changes))

    async def attachments(self, graph_id: str) -> Sequence[JsonObject]:
        """A message's attachments without their content, which Graph sends unless told not to."""
        builder = self.user.messages.by_message_id(graph_id).attachments
        fields = ["id", "name", "contentType", "isInline", "size"]
        page = _page(await self.client.json(request(builder, query={"select": fields})))
        rows, followed = [*page.rows], set[str]()
        while self.client.is_ours(page.next_link):
            if page.next_link in followed or len(followed) == _MOST_ATTACHMENT_PAGES:
                raise GraphCutError("the list of its attachments has no end")
            followed.add(page.next_link)
            page = _page(await self.client.json(follow(page.next_link)))
            rows += page.rows
        return rows

    def attachment(
        self, graph_id: str, attachment_id: str, *, declared_type: str = ""
    ) -> AsyncGenerator[bytes]:
        """An attachment's raw content; of a mail in the mail, its MIME."""
        message = self.user.messages.by_message_id(graph_id)
        builder = message.attachments.by_attachment_id(attachment_id)
        made = request(builder, suffix="/$value")
        return self.client.stream(made, declared_type=declared_type)

    async def stored_size(self, graph_id: str) -> int:
        """The bytes that a message takes in the store; 0 where Graph does not say."""
        builder = self.user.messages.by_message_id(graph_id)
        expand = f"singleValueExtendedProperties($filter=id eq '{_STORED_SIZE}')"
        try:
            found = await self.client.json(
                request(builder, query={"select": ["id"], "expand": expand})
            )
        except GraphRefusedError:
            return 0
        rows: list[JsonObject] = found.get("singleValueExtendedProperties") or []
        values = [str(row.get("value")) for row in rows]
        return next((int(value) for value in values if value.isdecimal()), 0)

    async def folder_id(self, name: str) -> str:
        """The ID of a folder beside the Inbox, made when it is missing; or of ``inbox``."""
        folder_id, until = self._folders.get(name, ("", 0.0))
        now = asyncio.get_running_loop().time()
        if not folder_id or until < now:
            folder_id = await self._find_folder(name)
            self._folders[name] = folder_id, now + _FOLDERS_KNOWN_S
        return folder_id

    def forget_folder(self, name: str) -> None:
        """Look for a folder again, and make it if it is missing, when its ID is asked for."""
        self._folders.pop(name, None)

    async def _find_folder(self, name: str) -> str:
        folders = self.user.mail_folders
        if name == "inbox":
            inbox = await self.client.json(request(folders.by_mail_folder_id(name)))
            return _text(inbox, "id")
        condition = {"filter": f"displayName eq '{_quoted(name)}'"}
        for _ in range(2):  # another process may make it between the two calls
            found = _page(await self.client.json(request(folders, query=condition))).rows
            if found:
                return _text(found[0], "id")
            try:
                body: JsonObject = {"displayName": name}
                return _text(await self.client.json(request(folders, "POST", body=body)), "id")
            except GraphRefusedError as exc:
                if exc.status != _CONFLICT:
                    raise
        raise GraphRefusedError(_CONFLICT, "ErrorFolderExists")


def _page(body: JsonObject) -> Page:
    rows: Any = body.get("value", [])
    return Page(
        rows=rows,
        next_link=_text(body, "@odata.nextLink"),
        delta_link=_text(body, "@odata.deltaLink"),
    )


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _quoted(text: str) -> str:
    return text.replace("'", "''")  # OData's string literals
