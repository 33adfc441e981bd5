"""How many answers a recipient got on a day, in Azure Table Storage.

A day's answers to one recipient lie in one partition, with their count, so that two at a time
cannot both be the last. The verdict is also kept by the answer's ID alone: asked again after
midnight, it stays what it was.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from adapters.azure.tables import create, delete, replace, until_undisturbed

if TYPE_CHECKING:
    from adapters.azure.tables import Change, StoredRow, Table

_KEPT = timedelta(days=100)  # longer than any answer is retried
_FORGOTTEN_AT_ONCE = 20  # with the first answer of a recipient's day: more than that answer adds
_COUNT, _VERDICT = "count", "verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taking:
    """One question: may this answer go out? `day` is a partition: a date and a recipient's hash."""

    reply_id: str
    day: str
    limit: int


class AnswerCounts:
    """The table of answers. No address is kept, only its hash."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def take(self, *, reply_id: str, recipient: str, day: str, limit: int) -> bool:
        """Count an answer to `recipient` on `day` (YYYY-MM-DD); False when `limit` is used up."""
        hashed = sha256(recipient.strip().casefold().encode()).hexdigest()
        taking = _Taking(reply_id=reply_id, day=f"day|{day}|{hashed}", limit=limit)
        if (verdict := await self._verdict(reply_id)) is not None:
            return verdict
        granted = await until_undisturbed(lambda: self._count(taking))
        return await self._keep_verdict(reply_id, granted=granted)

    async def _verdict(self, reply_id: str) -> bool | None:
        found = await self._table.get(_verdicts(reply_id), _VERDICT)
        return None if found is None else bool(found.row["granted"])

    async def _keep_verdict(self, reply_id: str, *, granted: bool) -> bool:
        """The first verdict; another process may have kept one meanwhile, on another day."""
        row = {"PartitionKey": _verdicts(reply_id), "RowKey": _VERDICT, "granted": granted}
        if await self._table.change(create(row)) is not None:
            return granted
        return await self._verdict(reply_id) is not False

    async def _count(self, taking: _Taking) -> bool | None:
        """The verdict of this day; None when somebody else counted meanwhile."""
        key = f"reply|{taking.reply_id}"
        if (mine := await self._table.get(taking.day, key)) is not None:
            return bool(mine.row["granted"])
        count = await self._table.get(taking.day, _COUNT)
        if count is None:
            await self._forget_old(taking.day)
        granted = (0 if count is None else count.row["taken"]) < taking.limit
        answer = {
            "PartitionKey": taking.day,
            "RowKey": key,
            "reply_id": taking.reply_id,
            "granted": granted,
        }
        changes = [create(answer), *([_counted(taking.day, count)] if granted else [])]
        return granted if await self._table.change(*changes) is not None else None

    async def _forget_old(self, day: str) -> None:
        """Delete some of what lies more than 100 days back."""
        _, today, _ = day.split("|")
        first_kept = date.fromisoformat(today) - _KEPT
        old = self._table.query(
            "PartitionKey ge 'day|' and PartitionKey lt @first_kept",
            page=_FORGOTTEN_AT_ONCE,
            first_kept=f"day|{first_kept.isoformat()}",
        )
        rows: list[StoredRow] = []
        async for row in old:
            rows.append(row)
            if len(rows) == _FORGOTTEN_AT_ONCE:
                break
        await asyncio.gather(*(self._forget(row) for row in rows))

    async def _forget(self, old: StoredRow) -> None:
        if "reply_id" in old.row:
            await self._table.change(delete(_verdicts(old.row["reply_id"]), _VERDICT))
        await self._table.change(delete(old.row["PartitionKey"], old.row["RowKey"]))


def _counted(day: str, count: StoredRow | None) -> Change:
    row = {"PartitionKey": day, "RowKey": _COUNT}
    if count is None:
        return create({**row, "taken": 1})
    return replace({**row, "taken": count.row["taken"] + 1}, count.version)


def _verdicts(reply_id: str) -> str:
    return f"reply|{reply_id}"
