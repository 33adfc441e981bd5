"""The Azure adapters of storage on an emulator: what other tests compose on."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from adapters.azure.blob_store import AzureBlobStore
from adapters.azure.tables import Tables
from adapters.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.settings.azure import StorageSettings


@asynccontextmanager
async def azure_blob_store(settings: StorageSettings) -> AsyncGenerator[AzureBlobStore]:
    """The blob store of these settings, such as `Azurite.settings()`."""
    store = AzureBlobStore.open(settings, SystemClock())
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def azure_tables(settings: StorageSettings) -> AsyncGenerator[Tables]:
    """The tables of these settings, such as `Azurite.settings()`."""
    tables = Tables.open(settings)
    try:
        yield tables
    finally:
        await tables.close()
