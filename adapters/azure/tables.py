"""Tables of a storage account: rows that are changed together, and only if nobody came first.

A row is a mapping of column names to plain values, with the keys PartitionKey and RowKey. Changes
of one partition are made all or none. A table is made when something is first written to it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from adapters.azure.errors import azure_errors_translated, error_code
from adapters.azure.storage_client import table_service
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.exceptions import HttpResponseError
    from azure.data.tables.aio import TableClient, TableServiceClient

    from shared.settings.azure import StorageSettings

SERVICE = "Azure Table Storage"
_CONFLICTS = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})
_ATTEMPTS = 40
_LONGEST_PAUSE_MS = 500

type Row = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """A row as it was read. `version` is its ETag, which changes with every write."""

    row: Mapping[str, Any]
    version: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row, as the SDK wants it."""

    operation: str
    row: Row
    options: Mapping[str, Any]


def create(row: Row) -> Change:
    """Write a row that must not be there."""
    return Change("create", row, {})


def upsert(row: Row) -> Change:
    """Write a row, whether or not it is there."""
    return Change("upsert", row, {"mode": "replace"})


def replace(row: Row, version: str) -> Change:
    """Write a row that must still be of this version."""
    return Change("update", row, {"mode": "replace", **_if_unchanged(version)})


def delete(partition: str, key: str, version: str = "") -> Change:
    """Delete a row that must be there, and be of this version if one is named."""
    row = {"PartitionKey": partition, "RowKey": key}
    return Change("delete", row, _if_unchanged(version) if version else {})


class Tables:
    """The tables of a storage account."""

    def __init__(self, service: TableServiceClient, prefix: str) -> None:
        self._service = service
        self._prefix = prefix

    @classmethod
    def open(
        cls, settings: StorageSettings, *, credential: AsyncTokenCredential | None = None
    ) -> Self:
        """The tables that the settings name; connects when they are used. Raises SettingsError."""
        return cls(table_service(settings, credential), settings.table_prefix)

    def table(self, name: str) -> Table:
        """The table of this name (letters and digits), behind our prefix."""
        return Table(self._service.get_table_client(f"{self._prefix}{name}"))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._service.close()


class Table:
    """One table. Every use raises ServiceUnavailableError when the service does not answer."""

    def __init__(self, client: TableClient) -> None:
        self._client: Any = client  # the SDK does not type what its methods take

    async def get(self, partition: str, key: str) -> StoredRow | None:
        """The row of these keys, or None."""
        from azure.core.exceptions import ResourceNotFoundError

        with azure_errors_translated(SERVICE):
            try:
                return _stored(await self._client.get_entity(partition, key))
            except ResourceNotFoundError:
                return None

    async def query(
        self, where: str, *, page: int = 1000, **values: str | int
    ) -> AsyncIterator[StoredRow]:
        """The rows of an OData filter, by partition and key, read `page` at a time.

        ``@name`` in the filter stands for the value of that name.
        """
        from azure.core.exceptions import ResourceNotFoundError

        found = self._client.query_entities(where, parameters=values, results_per_page=page)
        with azure_errors_translated(SERVICE):
            try:
                async for entity in found:
                    yield _stored(entity)
            except ResourceNotFoundError:
                return  # there is no table yet, so there is no row

    async def change(self, *changes: Change) -> tuple[str, ...] | None:
        """Make up to 100 changes of rows of one partition, all or none of them.

        Gives the new versions, or None, and nothing is changed, when a row is there that must not
        be, is not there, or is of another version.
        """
        from azure.core.exceptions import HttpResponseError

        operations = [(each.operation, each.row, each.options) for each in changes]
        with azure_errors_translated(SERVICE):
            try:
                results = await self._creating_table(
                    lambda: self._client.submit_transaction(operations)
                )
            except HttpResponseError as exc:
                if _is_conflict(exc):
                    return None
                raise
        return tuple(str(result.get("etag", "")) for result in results)

    async def _creating_table[T](self, request: Callable[[], Awaitable[T]]) -> T:
        from azure.core.exceptions import HttpResponseError, ResourceExistsError

        try:
            return await request()
        except HttpResponseError as exc:
            if error_code(exc) != "TableNotFound":
                raise
        with suppress(ResourceExistsError):
            await self._client.create_table()
        return await request()


async def until_undisturbed[T](attempt: Callable[[], Awaitable[T | None]]) -> T:
    """The first result of `attempt` that is not None: it reads, decides, and changes, and gives
    None when somebody else wrote in between. Raises ServiceUnavailableError when that goes on.
    """
    for number in range(_ATTEMPTS):
        if (result := await attempt()) is not None:
            return result
        pause_ms = secrets.randbelow(min(10 * 2**number, _LONGEST_PAUSE_MS))
        await asyncio.sleep(pause_ms / 1000)
    raise ServiceUnavailableError(SERVICE, "too many write the same row at a time")


def _if_unchanged(version: str) -> dict[str, Any]:
    from azure.core import MatchConditions

    return {"etag": version, "match_condition": MatchConditions.IfNotModified}


def _is_conflict(exc: HttpResponseError) -> bool:
    of_the_table = error_code(exc).startswith("Table")  # it is being made or deleted
    return exc.status_code in _CONFLICTS and not of_the_table


def _stored(entity: Any) -> StoredRow:
    return StoredRow(row=entity, version=entity.metadata["etag"])
