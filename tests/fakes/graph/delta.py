"""Change tracking: ``/mailFolders/{id}/messages/delta``, with pages, tokens and 410 Gone.

A token holds the place in the log of changes, so a client may use it again: it sees the same
changes again. Replays and duplicates happen in real Graph too.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from tests.fakes.graph import answers

if TYPE_CHECKING:
    from tests.fakes.graph.mailbox import Mailbox

_TYPE = {"@odata.type": "#microsoft.graph.message"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of a client: the changes after `start` up to `end`, of which `done` are told."""

    epoch: int
    start: int
    done: int
    end: int
    select: str

    def token(self) -> str:
        fields = [self.epoch, self.start, self.done, self.end, self.select]
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()

    @classmethod
    def from_token(cls, token: str) -> Self:
        epoch, start, done, end, select = json.loads(base64.urlsafe_b64decode(token))
        return cls(epoch=epoch, start=start, done=done, end=end, select=select)


async def get_delta(mailbox: Mailbox, request: web.Request) -> web.Response:
    """GET of delta: the first call, a nextLink or a deltaLink."""
    this = _round(mailbox, request)
    if this.epoch != mailbox.epoch:
        return sync_state_gone(request)
    folder = mailbox.folder_id(request.match_info["folder"])
    rows, done = _page(mailbox, this, folder, answers.page_size(request))
    select = set(this.select.split(",")) if this.select else None
    immutable = answers.wants_immutable(request)
    value = [_row(mailbox, name, folder, immutable=immutable, select=select) for name in rows]
    path = re.sub(r"\(\)$", "", request.path.removeprefix("/v1.0"))
    link = f"{answers.base_url(request)}{path}"
    if done < this.end:
        more = {"@odata.nextLink": f"{link}?$skiptoken={replace(this, done=done).token()}"}
    else:
        more = {"@odata.deltaLink": f"{link}?$deltatoken={this.token()}"}
    context = f"{answers.base_url(request)}/$metadata#Collection(message)"
    return web.json_response({"@odata.context": context, **more, "value": value})


def sync_state_gone(request: web.Request) -> web.Response:
    """The token is too old: start over at Location."""
    location = f"{answers.base_url(request)}{request.path.removeprefix('/v1.0')}"
    return answers.error(
        410, "SyncStateNotFound", "The sync state generation is not found.", Location=location
    )


def _round(mailbox: Mailbox, request: web.Request) -> Round:
    query, end = request.query, len(mailbox.changes)
    if "$skiptoken" in query:
        return Round.from_token(query["$skiptoken"])
    if "$deltatoken" in query:
        last = Round.from_token(query["$deltatoken"])
        return replace(last, start=last.end, done=last.end, end=end)
    select = query.get("$select", "")
    return Round(epoch=mailbox.epoch, start=0, done=0, end=end, select=select)


def _page(mailbox: Mailbox, this: Round, folder: str, size: int) -> tuple[list[str], int]:
    """The messages of the next page, each once, and how far in the log it reaches."""
    names: dict[str, None] = {}
    done = this.done
    for change in mailbox.changes[this.done : this.end]:
        if change.folder == folder and change.message not in names:
            if len(names) == size:
                return list(names), done
            gone = _is_gone(mailbox, change.message, folder)
            if not (gone and this.start == 0):  # a first round shows only what is there
                names[change.message] = None
        done = change.sequence
    return list(names), done


def _row(
    mailbox: Mailbox, name: str, folder: str, *, immutable: bool, select: set[str] | None
) -> dict[str, Any]:
    if _is_gone(mailbox, name, folder):
        return {**_TYPE, "id": name, "@removed": {"reason": "deleted"}}
    message = mailbox.messages[name]
    return {**_TYPE, **answers.message_json(mailbox, message, immutable=immutable, select=select)}


def _is_gone(mailbox: Mailbox, name: str, folder: str) -> bool:
    message = mailbox.messages.get(name)
    return message is None or message.folder != folder
