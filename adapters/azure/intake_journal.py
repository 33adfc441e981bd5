"""The IntakeJournal port on Table Storage: a row per submission that is being taken in, or was cut
off. A row is changed only on the version that it was decided on, so of two who want a turn one gets
it.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from adapters.azure.table_keys import sortable_time
from adapters.azure.tables import create, delete, replace, upsert
from shared.ports import CutOff, IntakeAttempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.azure.tables import Row, StoredRow, Table

_INTAKES, _NOTES, _COMPLETE = "intakes", "notes", "complete"
_OVER = 0.0
_REMEMBERED_S = 24 * 3600.0  # that an attempt was overtaken: longer than any process sleeps


class TableIntakeJournal:
    """The journal of all processes; each has one object. The same process may begin again at once:
    it knows that its last attempt is over.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._owner = uuid.uuid4().hex

    async def begin(self, submission_id: str, *, now: float, until: float) -> IntakeAttempt | None:
        """See `IntakeJournal.begin`."""
        first = self._row(submission_id, number=1, begun_at=now, until=until)
        if versions := await self._table.change(create(first)):
            return IntakeAttempt(submission_id=submission_id, number=1, version=versions[0])
        found = await self._table.get(_INTAKES, submission_id)
        if found is None or (not self._is_ours(found) and found.row["until"] > sortable_time(now)):
            return None
        number = int(found.row["number"]) + (0 if self._is_ours(found) else 1)
        row = self._row(submission_id, number=number, begun_at=now, until=until)
        return await self._replaced(row, found.version)

    async def renew(self, attempt: IntakeAttempt, *, until: float) -> IntakeAttempt | None:
        """See `IntakeJournal.renew`."""
        found = await self._find(attempt)
        if found is None:
            return None
        return await self._replaced({**_plain(found), "until": sortable_time(until)}, found.version)

    async def end(self, attempt: IntakeAttempt, *, settled: bool) -> None:
        """See `IntakeJournal.end`. That others were overtaken is remembered for a day: one of them
        may wake up, and must not meet its number again.
        """
        if settled and attempt.number == 1:
            gone = delete(_INTAKES, attempt.submission_id, attempt.version)
            if await self._table.change(gone) is not None:
                return
        found = await self._find(attempt)
        if found is None:
            return
        if settled and attempt.number == 1:
            await self._table.change(delete(_INTAKES, attempt.submission_id, found.version))
            return
        over = {**_plain(found), "until": sortable_time(_OVER), "settled": settled}
        await self._table.change(replace(over, found.version))

    async def cut_off(self, *, now: float) -> Sequence[CutOff]:
        """See `IntakeJournal.cut_off`."""
        where = "PartitionKey eq @intakes and until lt @now"
        cut_off: list[CutOff] = []
        async for found in self._table.query(where, intakes=_INTAKES, now=sortable_time(now)):
            submission_id, begun_at = str(found.row["RowKey"]), float(found.row["begun_at"])
            if not found.row["settled"]:
                cut_off.append(CutOff(submission_id=submission_id, begun_at=begun_at))
            elif begun_at < now - _REMEMBERED_S:
                await self._table.change(delete(_INTAKES, submission_id, found.version))
        return cut_off

    async def is_complete(self) -> bool:
        """See `IntakeJournal.is_complete`."""
        return await self._table.get(_NOTES, _COMPLETE) is not None

    async def set_complete(self) -> None:
        """See `IntakeJournal.set_complete`."""
        await self._table.change(upsert({"PartitionKey": _NOTES, "RowKey": _COMPLETE}))

    async def _find(self, attempt: IntakeAttempt) -> StoredRow | None:
        """The row of an attempt of ours, unless somebody else has begun."""
        found = await self._table.get(_INTAKES, attempt.submission_id)
        if found is None or not self._is_ours(found) or found.row["number"] != attempt.number:
            return None
        return found

    async def _replaced(self, row: Row, version: str) -> IntakeAttempt | None:
        versions = await self._table.change(replace(row, version))
        if versions is None:
            return None
        return IntakeAttempt(
            submission_id=str(row["RowKey"]), number=int(row["number"]), version=versions[0]
        )

    def _is_ours(self, found: StoredRow) -> bool:
        return found.row["owner"] == self._owner

    def _row(self, submission_id: str, *, number: int, begun_at: float, until: float) -> Row:
        return {
            "PartitionKey": _INTAKES,
            "RowKey": submission_id,
            "owner": self._owner,
            "number": number,
            "begun_at": sortable_time(begun_at),
            "until": sortable_time(until),
            "settled": False,
        }


def _plain(found: StoredRow) -> Row:
    return {**found.row}
