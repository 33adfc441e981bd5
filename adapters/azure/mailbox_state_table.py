"""The MailboxState port on Table Storage: a row per waiting mail, and one for the watch.

Every write that can meet another one is made only on the version that it was decided on.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace as replaced
from typing import TYPE_CHECKING

from adapters.azure.mailbox_state import SeenMail, WaitingMail, Watch
from adapters.azure.table_keys import sortable_time, table_key
from adapters.azure.tables import create, delete, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.azure.tables import Row, StoredRow, Table

_AT_ONCE = 16
_MOST_READ = 5000  # of a long backlog; five requests
_WATCH = "watch"


class TableMailboxState:
    """The memory of the mailbox at an address."""

    def __init__(self, table: Table, address: str) -> None:
        self._table = table
        self._box = table_key(address)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def add(self, mails: Sequence[SeenMail]) -> None:
        """See `MailboxState.add`."""
        await asyncio.gather(*(self._add(mail) for mail in mails))

    async def waiting(self, *, now: float, limit: int) -> Sequence[WaitingMail]:
        """See `MailboxState.waiting`."""
        found: list[WaitingMail] = []
        where = "PartitionKey eq @box and not_before le @now"
        async for stored in self._table.query(where, box=self._box, now=sortable_time(now)):
            found.append(_waiting(stored))
            if len(found) >= _MOST_READ:
                break
        found.sort(key=lambda each: (each.attempts, each.mail.received_at, each.mail.graph_id))
        return found[:limit]

    async def hold(
        self, waiting: WaitingMail, *, attempts: int, not_before: float
    ) -> WaitingMail | None:
        """See `MailboxState.hold`."""
        held = replaced(waiting, attempts=attempts, not_before=not_before)
        versions = await self._table.change(replace(self._row(held), waiting.version))
        return replaced(held, version=versions[0]) if versions else None

    async def forget(self, mail: SeenMail) -> None:
        """See `MailboxState.forget`."""
        await self._table.change(delete(self._box, table_key(mail.graph_id)))

    async def take_watch(self, *, now: float, until: float) -> Watch | None:
        """See `MailboxState.take_watch`."""
        stored = await self._table.get(self._watch_partition, _WATCH)
        if stored is None:
            versions = await self._table.change(create(self._watch(Watch(), until)))
            return Watch(version=versions[0]) if versions else None
        row = stored.row
        if row["until"] > now:
            return None
        link, swept_at = str(row["link"]), float(row["swept_at"])
        watch = Watch(link=link, swept_at=swept_at, version=stored.version)
        return await self.keep_watch(watch, link=link, swept_at=swept_at, until=until)

    async def keep_watch(
        self, watch: Watch, *, link: str, swept_at: float, until: float
    ) -> Watch | None:
        """See `MailboxState.keep_watch`."""
        kept = replaced(watch, link=link, swept_at=swept_at)
        versions = await self._table.change(replace(self._watch(kept, until), watch.version))
        return replaced(kept, version=versions[0]) if versions else None

    @property
    def _watch_partition(self) -> str:
        return f"{_WATCH}-{self._box}"

    async def _add(self, mail: SeenMail) -> None:
        async with self._slots:
            await self._table.change(create(self._row(WaitingMail(mail=mail))))

    def _row(self, waiting: WaitingMail) -> Row:
        mail = waiting.mail
        return {
            "PartitionKey": self._box,
            "RowKey": table_key(mail.graph_id),
            "graph_id": mail.graph_id,
            "message_id": mail.message_id,
            "received_at": mail.received_at,
            "attempts": waiting.attempts,
            "not_before": sortable_time(waiting.not_before),
        }

    def _watch(self, watch: Watch, until: float) -> Row:
        return {
            "PartitionKey": self._watch_partition,
            "RowKey": _WATCH,
            "link": watch.link,
            "swept_at": watch.swept_at,
            "until": until,
        }


def _waiting(stored: StoredRow) -> WaitingMail:
    row = stored.row
    mail = SeenMail(
        graph_id=row["graph_id"], message_id=row["message_id"], received_at=row["received_at"]
    )
    return WaitingMail(
        mail=mail,
        attempts=row["attempts"],
        not_before=float(row["not_before"]),
        version=stored.version,
    )
