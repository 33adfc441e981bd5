"""A durable note for each thing that must happen once: a port of the Graph adapters, and its
adapter on Table Storage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from adapters.azure.table_keys import table_key
from adapters.azure.tables import create, upsert

if TYPE_CHECKING:
    from adapters.azure.tables import Row, Table


class Ledger(Protocol):
    """Notes (texts of a few kB) under names and keys. Durable on return; raises
    ServiceUnavailableError.
    """

    async def get(self, name: str, key: str) -> str | None:
        """The note, or None."""
        ...

    async def put(self, name: str, key: str, value: str) -> None:
        """Write a note, replacing an older one."""
        ...

    async def put_new(self, name: str, key: str, value: str) -> str:
        """Write a note unless there is one; the note that is there afterwards."""
        ...


class TableLedger:
    """The ledger in a table: a partition per name."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(self, name: str, key: str) -> str | None:
        """See `Ledger.get`."""
        stored = await self._table.get(name, table_key(key))
        return None if stored is None else str(stored.row["value"])

    async def put(self, name: str, key: str, value: str) -> None:
        """See `Ledger.put`."""
        await self._table.change(upsert(_row(name, key, value)))

    async def put_new(self, name: str, key: str, value: str) -> str:
        """See `Ledger.put_new`."""
        if await self._table.change(create(_row(name, key, value))):
            return value
        return await self.get(name, key) or value


def _row(name: str, key: str, value: str) -> Row:
    return {"PartitionKey": name, "RowKey": table_key(key), "key": key, "value": value}
