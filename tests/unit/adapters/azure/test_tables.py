"""Rows of Azure Table Storage: changed together or not at all, and faults of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.data.tables.aio import TableServiceClient

from adapters.azure.errors import refuse_strangers
from adapters.azure.tables import Tables, create, delete, replace, upsert
from shared.errors import ServiceUnavailableError, SettingsError
from shared.settings.azure import StorageSettings
from tests.support.azure_services import azure_tables
from tests.support.fault_proxy import Answer, Cut, fault_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from adapters.azure.tables import Row, Table
    from tests.support.azurite import Azurite
    from tests.support.fault_proxy import Fault


@pytest.fixture
async def table(azurite: Azurite) -> AsyncGenerator[Table]:
    async with azure_tables(azurite.settings()) as tables:
        yield tables.table("Things")


def row(key: str, value: str = "") -> Row:
    return {"PartitionKey": "p", "RowKey": key, "value": value}


async def values(table: Table) -> dict[str, str]:
    found = table.query("PartitionKey eq @p", page=2, p="p")
    return {each.row["RowKey"]: each.row["value"] async for each in found}


async def test_a_table_that_was_never_written_to_is_empty(table: Table) -> None:
    assert await table.get("p", "a") is None
    assert await values(table) == {}
    assert await table.change(delete("p", "a")) is None


async def test_what_was_created_is_found(table: Table) -> None:
    versions = await table.change(create(row("a", "1")), create(row("b", "2")))

    assert versions is not None
    found = await table.get("p", "a")
    assert found is not None
    assert (found.row["value"], found.version) == ("1", versions[0])


async def test_a_row_is_created_once(table: Table) -> None:
    assert await table.change(create(row("a", "1"))) is not None
    assert await table.change(create(row("a", "2"))) is None

    assert await values(table) == {"a": "1"}


async def test_a_row_is_replaced_only_on_the_version_that_was_read(table: Table) -> None:
    first = await table.change(upsert(row("a", "1")))
    assert first is not None
    second = await table.change(replace(row("a", "2"), first[0]))
    assert second is not None

    assert await table.change(replace(row("a", "3"), first[0])) is None
    assert await table.change(delete("p", "a", first[0])) is None
    assert await values(table) == {"a": "2"}
    assert await table.change(delete("p", "a", second[0])) is not None
    assert await values(table) == {}


async def test_changes_are_made_all_or_none(table: Table) -> None:
    await table.change(create(row("a", "1")))

    assert await table.change(upsert(row("b", "2")), create(row("a", "3"))) is None
    assert await table.change(upsert(row("b", "2")), delete("p", "missing")) is None

    assert await values(table) == {"a": "1"}


async def test_rows_come_in_the_order_of_their_keys_over_pages(table: Table) -> None:
    await table.change(*(create(row(key)) for key in "edcba"))

    assert list(await values(table)) == list("abcde")


async def test_a_filter_takes_any_value_literally(table: Table) -> None:
    await table.change(create(row("a", "it's or 1 eq 1")), create(row("b", "other")))

    found = table.query("PartitionKey eq 'p' and value eq @value", value="it's or 1 eq 1")

    assert [each.row["RowKey"] async for each in found] == ["a"]


@pytest.mark.parametrize(
    "fault",
    [
        Cut.BEFORE,
        Cut.AFTER,
        Answer(429, {"Retry-After": "7"}),
        Answer(500),
        Answer(404, body=b"<html>No such page"),
        Answer(200, body=b"<html>Log in"),
    ],
    ids=str,
)
async def test_a_service_that_does_not_do_its_work_is_named(azurite: Azurite, fault: Fault) -> None:
    async with fault_proxy(azurite.url("Table").rpartition("/")[0]) as proxy:
        proxy.always = fault
        settings = azurite.settings(Table=proxy.port)
        service = TableServiceClient.from_connection_string(
            settings.connection_string, retry_total=0, raw_response_hook=refuse_strangers
        )
        async with service:
            table = Tables(service, settings.table_prefix).table("Things")
            for ask in (
                lambda: table.get("p", "a"),
                lambda: table.change(create(row("a"))),
                lambda: values(table),
            ):
                with pytest.raises(ServiceUnavailableError, match="Azure Table Storage"):
                    await ask()


async def test_a_fault_that_passes_is_not_noticed(azurite: Azurite) -> None:
    async with (
        fault_proxy(azurite.url("Table").rpartition("/")[0]) as proxy,
        azure_tables(azurite.settings(Table=proxy.port)) as tables,
    ):
        table = tables.table("Things")
        for number, fault in enumerate((Answer(503), Answer(500))):
            proxy.faults = [fault]
            assert await table.change(create(row(str(number)))) is not None
        proxy.faults = [Cut.BEFORE]
        assert len(await values(table)) == 2


def test_settings_that_name_no_account_are_explained() -> None:
    with pytest.raises(SettingsError, match="MAIL_INGEST_TABLE_URL"):
        Tables.open(StorageSettings())
