"""The memory of a Graph mailbox and of its answers in a dictionary: durable for as long as the test
says, like a table. `log` is every write in order.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from adapters.azure.mailbox_state import SeenMail, WaitingMail, Watch

if TYPE_CHECKING:
    from collections.abc import Sequence


class MemoryMailboxState:
    """The MailboxState port."""

    def __init__(self) -> None:
        self.mails: dict[str, WaitingMail] = {}
        self.watch = Watch(version="0")
        self.watched_until = 0.0
        self.log: list[str] = []
        self._versions = count(1)

    async def add(self, mails: Sequence[SeenMail]) -> None:
        for mail in mails:
            known = WaitingMail(mail=mail, version=str(next(self._versions)))
            self.mails.setdefault(mail.graph_id, known)
        self.log.append("mails")

    async def waiting(self, *, now: float, limit: int) -> Sequence[WaitingMail]:
        free = [each for each in self.mails.values() if each.not_before <= now]
        free.sort(key=lambda each: (each.attempts, each.mail.received_at, each.mail.graph_id))
        return free[:limit]

    async def hold(
        self, waiting: WaitingMail, *, attempts: int, not_before: float
    ) -> WaitingMail | None:
        known = self.mails.get(waiting.mail.graph_id)
        if known is None or known.version != waiting.version:
            return None
        version = str(next(self._versions))
        held = replace(known, attempts=attempts, not_before=not_before, version=version)
        self.mails[waiting.mail.graph_id] = held
        return held

    async def forget(self, mail: SeenMail) -> None:
        self.mails.pop(mail.graph_id, None)

    async def take_watch(self, *, now: float, until: float) -> Watch | None:
        if self.watched_until > now:
            return None
        return await self.keep_watch(
            self.watch, link=self.watch.link, swept_at=self.watch.swept_at, until=until
        )

    async def keep_watch(
        self, watch: Watch, *, link: str, swept_at: float, until: float
    ) -> Watch | None:
        if watch.version != self.watch.version:
            return None
        if link != self.watch.link:
            self.log.append("cursor")
        version = str(next(self._versions))
        self.watch = Watch(link=link, swept_at=swept_at, version=version)
        self.watched_until = until
        return self.watch


class MemoryLedger:
    """The Ledger port."""

    def __init__(self) -> None:
        self.notes: dict[tuple[str, str], str] = {}

    async def get(self, name: str, key: str) -> str | None:
        return self.notes.get((name, key))

    async def put(self, name: str, key: str, value: str) -> None:
        self.notes[name, key] = value

    async def put_new(self, name: str, key: str, value: str) -> str:
        return self.notes.setdefault((name, key), value)
