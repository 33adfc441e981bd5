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
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.azure.graph_mail import GraphMail, Page
    from adapters.azure.mailbox_state import MailboxState, Watch
    from shared.model import JsonObject
    from shared.ports import Clock

logger = logging.getLogger(__name__)

_FIELDS = ("id", "internetMessageId", "receivedDateTime", "isDraft")
_TURN_S = 60.0  # longer than a page takes
_MOST_PAGES = 500  # per look; of the log, the next look goes on from there
_MOST_REFUSALS = 3  # of a place in the log in a row, then it is forgotten
_MOST_FAULTS = 20  # the same where Graph only said that it is not well


class Discovery:
    """Notes what is in the Inbox. `sweep_s` is the time between two listings of all of it."""

    def __init__(
        self, mail: GraphMail, state: MailboxState, *, clock: Clock, sweep_s: float
    ) -> None:
        self._mail = mail
        self._state = state
        self._clock = clock
        self._sweep_s = sweep_s
        self._refusals = 0
        self._faults = 0

    async def look(self) -> None:
        """Note all that is new, unless another process is looking."""
        now = self._now()
        watch = await self._state.take_watch(now=now, until=now + _TURN_S)
        if watch is not None:
            watch = await self._follow_changes(watch)
        if watch is not None and (self._is_ill or self._now() - watch.swept_at >= self._sweep_s):
            watch = await self._sweep(watch)
        if watch is not None:
            await self._state.keep_watch(watch, link=watch.link, swept_at=watch.swept_at, until=0.0)

    @property
    def _is_ill(self) -> bool:
        """Whether the log of changes cannot be had, so that only a listing finds new mail."""
        return self._refusals > 0 or self._faults >= _MOST_FAULTS

    async def _follow_changes(self, watch: Watch) -> Watch | None:
        followed: set[str] = set()
        for _ in range(_MOST_PAGES):
            try:
                page = await self._changes(watch.link)
            except (GraphRefusedError, ServiceUnavailableError) as exc:
                return await self._after_fault(watch, exc)
            self._refusals = self._faults = 0
            await self._state.add(_seen(page.rows))
            if page.next_link in followed:
                return await self._forget_place(watch, "it leads to itself")
            followed.add(page.next_link)
            kept = await self._keep(watch, link=page.next_link or page.delta_link)
            if kept is None or not page.next_link:
                return kept
            watch = kept
        return watch

    async def _after_fault(
        self, watch: Watch, exc: GraphRefusedError | ServiceUnavailableError
    ) -> Watch | None:
        """A place in the log that Graph refuses again and again is forgotten; the listing goes on
        meanwhile. While all of Graph is down nothing is concluded: raises `exc`.
        """
        if isinstance(exc, GraphRefusedError):
            self._refusals += 1
        else:
            self._faults += 1
        is_known = self._refusals if watch.link else self._refusals >= _MOST_REFUSALS
        if not is_known and self._faults < _MOST_FAULTS:
            raise exc
        logger.warning(
            "change log cannot be read",
            extra={"action": "mailbox_changes_failed", "reason": str(exc)},
        )
        if watch.link and (self._faults >= _MOST_FAULTS or self._refusals >= _MOST_REFUSALS):
            return await self._forget_place(watch, str(exc))
        return watch

    async def _forget_place(self, watch: Watch, reason: str) -> Watch | None:
        facts = {"action": "mailbox_link_forgotten", "reason": reason}
        logger.error("place in the change log forgotten", extra=facts)
        return await self._keep(watch, link="")

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
        began, link, followed = self._now(), "", set[str]()
        while True:
            page = await self._mail.listing(link, *_FIELDS)
            await self._state.add(_seen(page.rows))
            link = page.next_link
            more = self._mail.client.is_ours(link)
            if more and (link in followed or len(followed) == _MOST_PAGES):
                facts = {"action": "mailbox_listing_endless", "count": len(followed)}
                logger.error("listing of the Inbox has no end", extra=facts)
                more = False
            followed.add(link)
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
        if "@removed" not in row and row.get("id") and not row.get("isDraft")
    ]
