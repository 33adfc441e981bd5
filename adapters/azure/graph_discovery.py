"""Finds new mail in the Inbox: by its log of changes, and now and then by listing all of it.

Both are needed: the log can miss a message that left the Inbox and came back. Nothing goes by time
stamps: a large mail can become visible late, and two mails can come in one second. One process
looks at a time. Mails are noted first and the place in the log after them, so a crash between the
two shows some mails again and loses none.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from adapters.azure.graph_errors import GraphRefusedError
from adapters.azure.mailbox_state import SeenMail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.azure.graph_mail import GraphMail, Page
    from adapters.azure.mailbox_state import MailboxState, Watch
    from shared.model import JsonObject
    from shared.ports import Clock

logger = logging.getLogger(__name__)

_FIELDS = ("id", "internetMessageId", "receivedDateTime")
_TURN_S = 60.0  # longer than a page takes
_MOST_PAGES = 500  # per look; the next look goes on from there


class Discovery:
    """Notes what is in the Inbox. `sweep_s` is the time between two listings of all of it."""

    def __init__(
        self, mail: GraphMail, state: MailboxState, *, clock: Clock, sweep_s: float
    ) -> None:
        self._mail = mail
        self._state = state
        self._clock = clock
        self._sweep_s = sweep_s

    async def look(self) -> None:
        """Note all that is new, unless another process is looking."""
        now = self._now()
        watch = await self._state.take_watch(now=now, until=now + _TURN_S)
        if watch is not None:
            watch = await self._follow_changes(watch)
        if watch is not None and self._now() - watch.swept_at >= self._sweep_s:
            watch = await self._sweep(watch)
        if watch is not None:
            await self._state.keep_watch(watch, link=watch.link, swept_at=watch.swept_at, until=0.0)

    async def _follow_changes(self, watch: Watch) -> Watch | None:
        for _ in range(_MOST_PAGES):
            page = await self._changes(watch.link)
            await self._state.add(_seen(page.rows))
            kept = await self._keep(watch, link=page.next_link or page.delta_link)
            if kept is None or not page.next_link:
                return kept
            watch = kept
        return watch

    async def _changes(self, link: str) -> Page:
        """The page at a link of Graph's; from the start when Graph has forgotten it, or when it
        leads elsewhere.
        """
        if link and not self._mail.client.is_ours(link):
            logger.error("foreign link not followed", extra={"action": "mailbox_link_refused"})
            link = ""
        try:
            return await self._mail.changes(link, *_FIELDS)
        except GraphRefusedError as exc:
            if not (link and exc.is_sync_state_gone):
                raise
        logger.warning("change log starts over", extra={"action": "mailbox_resync"})
        return await self._mail.changes("", *_FIELDS)

    async def _sweep(self, watch: Watch) -> Watch | None:
        began, link = self._now(), ""
        while True:
            page = await self._mail.listing(link, *_FIELDS)
            await self._state.add(_seen(page.rows))
            link = page.next_link
            more = self._mail.client.is_ours(link)
            kept = await self._keep(watch, swept_at=watch.swept_at if more else began)
            if kept is None or not more:
                return kept
            watch = kept

    async def _keep(
        self, watch: Watch, *, link: str | None = None, swept_at: float | None = None
    ) -> Watch | None:
        return await self._state.keep_watch(
            watch,
            link=watch.link if link is None else link,
            swept_at=watch.swept_at if swept_at is None else swept_at,
            until=self._now() + _TURN_S,
        )

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _seen(rows: Iterable[JsonObject]) -> list[SeenMail]:
    """The mails of a page. A row that says removed says nothing that we trust: the log calls mails
    removed that were only read.
    """
    return [
        SeenMail(
            graph_id=str(row["id"]),
            message_id=str(row.get("internetMessageId") or ""),
            received_at=str(row.get("receivedDateTime") or ""),
        )
        for row in rows
        if "@removed" not in row and row.get("id")
    ]
