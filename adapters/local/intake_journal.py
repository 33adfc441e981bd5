"""The IntakeJournal port in the state database.

Nobody waits for another process here: one that was killed would be waited for, and has no say. The
numbers keep apart what a server and a command take in at the same time.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from shared.ports import CutOff, IntakeAttempt

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from adapters.local.database import Database

_COMPLETE = ""  # the row that notes it: no submission has this ID
_OVER = 0.0
_REMEMBERED_S = 24 * 3600.0  # that an attempt was overtaken: longer than any process sleeps
_PUT = """
    INSERT INTO intakes (submission_id, owner, number, begun_at, until) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (submission_id) DO UPDATE SET
        number = number + (owner != excluded.owner), owner = excluded.owner,
        begun_at = excluded.begun_at, until = excluded.until, settled = 0
    RETURNING number"""
_FORGET = "DELETE FROM intakes WHERE settled = 1 AND submission_id != ? AND begun_at < ?"
_OURS = "WHERE submission_id = ? AND owner = ? AND number = ?"


class LocalIntakeJournal:
    """The table of intakes; `owner` tells processes apart."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owner = uuid.uuid4().hex

    async def begin(self, submission_id: str, *, now: float, until: float) -> IntakeAttempt | None:
        """See `IntakeJournal.begin`; never None."""
        row = (submission_id, self._owner, 1, now, until)

        def begin(connection: sqlite3.Connection) -> int:
            (number,) = connection.execute(_PUT, row).fetchone()
            if number > 1:  # seldom, and no less often than there is something to forget
                connection.execute(_FORGET, (_COMPLETE, now - _REMEMBERED_S))
            return number

        number = await self._database.write(begin)
        return IntakeAttempt(submission_id=submission_id, number=number)

    async def renew(self, attempt: IntakeAttempt, *, until: float) -> IntakeAttempt | None:
        """See `IntakeJournal.renew`."""
        row = (until, *self._key(attempt))
        statement = f"UPDATE intakes SET until = ? {_OURS}"  # noqa: S608 - our own clause
        found = await self._database.write(lambda it: it.execute(statement, row).rowcount)
        return attempt if found else None

    async def end(self, attempt: IntakeAttempt, *, settled: bool) -> None:
        """See `IntakeJournal.end`. That others were overtaken is remembered for a day: one of them
        may wake up, and must not meet its number again.
        """
        key = self._key(attempt)

        def end(connection: sqlite3.Connection) -> None:
            if settled and attempt.number == 1:
                connection.execute(f"DELETE FROM intakes {_OURS}", key)  # noqa: S608
            else:
                over = f"UPDATE intakes SET until = ?, settled = ? {_OURS}"  # noqa: S608
                connection.execute(over, (_OVER, settled, *key))

        await self._database.write(end)

    async def cut_off(self, *, now: float) -> Sequence[CutOff]:
        """See `IntakeJournal.cut_off`."""
        look = (
            "SELECT submission_id, begun_at FROM intakes"
            " WHERE settled = 0 AND until < ? ORDER BY begun_at"
        )
        rows = await self._database.read(lambda it: it.execute(look, (now,)).fetchall())
        return [CutOff(submission_id=name, begun_at=begun_at) for name, begun_at in rows]

    async def is_complete(self) -> bool:
        """See `IntakeJournal.is_complete`."""
        look, row = "SELECT 1 FROM intakes WHERE submission_id = ?", (_COMPLETE,)
        return bool(await self._database.read(lambda it: it.execute(look, row).fetchall()))

    async def set_complete(self) -> None:
        """See `IntakeJournal.set_complete`."""
        note = (
            "INSERT OR IGNORE INTO intakes (submission_id, owner, number, begun_at, until, settled)"
            " VALUES (?, '', 0, 0, 0, 1)"
        )
        await self._database.write(lambda it: it.execute(note, (_COMPLETE,)).rowcount)

    def _key(self, attempt: IntakeAttempt) -> tuple[str, str, int]:
        return attempt.submission_id, self._owner, attempt.number
