"""The index of submissions, and the count of answers, in Azure Table Storage.

Several processes may write the same entry: each change is made only on the version that it was
decided on, and together with the lists that it moves the submission between.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from dataclasses import replace as replaced
from operator import itemgetter
from typing import TYPE_CHECKING

from adapters.azure.answer_counts import AnswerCounts
from adapters.azure.index_rows import (
    PARTITIONS,
    entry_of,
    list_prefix,
    partition_of,
    place_of,
    rows_of,
    truth_key,
)
from adapters.azure.tables import create, delete, replace, until_undisturbed, upsert
from shared.events import rfc3339
from shared.ports import SubmissionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from adapters.azure.tables import Change, StoredRow, Tables
    from shared.ports import Clock, IndexEntry

_RANKS = {
    SubmissionState.ACCEPTED: 0,
    SubmissionState.DESCRIBING: 1,
    SubmissionState.ANSWERING: 2,
    SubmissionState.DEAD_LETTERED: 3,  # before `done`: what is answered cannot be given up
    SubmissionState.DONE: 4,
}
_PAGE = 1000  # the most that Table Storage gives at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What is asked for: of the list whose keys begin with `prefix`, what comes after a place."""

    prefix: str
    state: SubmissionState | None
    category: str | None
    after: str
    limit: int

    def shows(self, entry: IndexEntry) -> bool:
        """Whether an entry of the list is wanted; of most lists all are."""
        return (self.state is None or entry.state is self.state) and (
            self.category is None or self.category in (entry.categories or ())
        )


class TableSubmissionIndex:
    """The tables of submissions and answers."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._table = tables.table("Submissions")
        self._answers = AnswerCounts(tables.table("Answers"))
        self._clock = clock

    async def close(self) -> None:
        """Let go of the connections, for everybody who shares the tables."""
        await self._tables.close()

    async def put(self, entry: IndexEntry) -> None:
        """Write an entry, unless a later state is there. `updated_at` is filled in when empty."""
        if not entry.updated_at:
            entry = replaced(entry, updated_at=self._now())
        await until_undisturbed(lambda: self._put(entry))

    async def reopen(self, submission_id: str) -> bool:
        """Take a dead-lettered submission back to accepted; False when it is none."""
        return await until_undisturbed(lambda: self._reopen(submission_id))

    async def get(self, submission_id: str) -> IndexEntry | None:
        """The entry, or None."""
        found = await self._truth(submission_id)
        return None if found is None else entry_of(found.row)

    async def list(
        self,
        *,
        state: SubmissionState | None = None,
        category: str | None = None,
        escalated_only: bool = False,
        after: IndexEntry | None = None,
        limit: int = 100,
    ) -> Sequence[IndexEntry]:
        """A page of entries, newest first."""
        page = _Page(
            prefix=list_prefix(state=state, category=category, escalated_only=escalated_only),
            state=state,
            category=category,
            after="" if after is None else place_of(after),
            limit=limit,
        )
        parts = await asyncio.gather(*(self._part(each, page) for each in PARTITIONS))
        rows = sorted((row for part in parts for row in part), key=itemgetter("RowKey"))
        return tuple(entry_of(row) for row in rows[:limit])

    async def take_answer(self, *, reply_id: str, recipient: str, day: str, limit: int) -> bool:
        """Count an answer to `recipient` on `day`; False when the day's `limit` is used up.

        The recipient is kept as a hash. Taking the same reply_id again gives the first verdict.
        """
        return await self._answers.take(
            reply_id=reply_id, recipient=recipient, day=day, limit=limit
        )

    async def _put(self, entry: IndexEntry) -> bool | None:
        found = await self._truth(entry.submission_id)
        if found is not None and _RANKS[entry.state] < _RANKS[entry_of(found.row).state]:
            return False
        return await self._write(entry, found)

    async def _reopen(self, submission_id: str) -> bool | None:
        found = await self._truth(submission_id)
        if found is None:
            return False
        entry = entry_of(found.row)
        if entry.state is not SubmissionState.DEAD_LETTERED:
            return False
        accepted = replaced(
            entry, state=SubmissionState.ACCEPTED, reason="", updated_at=self._now()
        )
        return await self._write(accepted, found)

    async def _write(self, entry: IndexEntry, found: StoredRow | None) -> bool | None:
        """Write an entry over what was found; None when that has changed meanwhile."""
        changed = await self._table.change(*_changes(entry, found))
        return None if changed is None else True

    async def _truth(self, submission_id: str) -> StoredRow | None:
        return await self._table.get(partition_of(submission_id), truth_key(submission_id))

    async def _part(self, partition: str, page: _Page) -> list[Mapping[str, Any]]:
        """The rows of one partition that may be on a page."""
        found = self._table.query(
            "PartitionKey eq @partition and RowKey gt @last and RowKey lt @end",
            page=min(page.limit, _PAGE),
            partition=partition,
            last=page.prefix + page.after,
            end=_end_of(page.prefix),
        )
        rows: list[Mapping[str, Any]] = []
        async for each in found:
            if page.shows(entry_of(each.row)):
                rows.append(each.row)
            if len(rows) == page.limit:
                break
        return rows

    def _now(self) -> str:
        return rfc3339(self._clock.now())


def _changes(entry: IndexEntry, found: StoredRow | None) -> list[Change]:
    rows = rows_of(entry)
    truth = rows.pop(truth_key(entry.submission_id))
    changes = [create(truth) if found is None else replace(truth, found.version)]
    changes += [upsert(row) for row in rows.values()]
    if found is not None:
        left = rows_of(entry_of(found.row)).keys() - rows.keys() - {truth["RowKey"]}
        changes += [delete(str(truth["PartitionKey"]), key) for key in sorted(left)]
    return changes


def _end_of(prefix: str) -> str:
    """The first text after all those that begin with `prefix`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
