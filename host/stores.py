"""The stores of the platform that the settings name, for a command beside the servers."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shared.settings.azure import AzureSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from host.services import Stores
    from shared.settings import Settings


def on_azure() -> bool:
    """Whether a storage account is set, so that commands work on Azure. Raises SettingsError."""
    return _names_an_account(AzureSettings.read())


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncGenerator[Stores]:
    """The ports that keep and tell things: of Azure where a storage account is set, else of this
    machine. Raises SettingsError, and what Azure refuses as RefusedError.
    """
    azure = AzureSettings.read()
    if _names_an_account(azure):
        async with _azure_stores(settings, azure) as stores:
            yield stores
        return
    from host.local import local_stores

    with local_stores(settings) as stores:
        yield stores


@asynccontextmanager
async def open_existing(settings: Settings) -> AsyncGenerator[Stores]:
    """The same for a command that only looks at what is there, or decides on it: on one machine it
    makes no folder. Raises NoDataError where there is none.
    """
    if not on_azure():
        from host.data_folder import DataFolder

        DataFolder.existing(settings.place.data)
    async with open_stores(settings) as stores:
        yield stores


@asynccontextmanager
async def _azure_stores(settings: Settings, azure: AzureSettings) -> AsyncGenerator[Stores]:
    from adapters.azure.errors import refusals_said
    from host.azure import build

    logging.getLogger("azure").addHandler(logging.NullHandler())  # our errors say it once
    parts = build(settings, azure)
    with refusals_said():
        try:
            yield parts.services.stores
        finally:
            await parts.close()


def _names_an_account(azure: AzureSettings) -> bool:
    storage = azure.storage
    return bool(storage.blob_url or storage.table_url or storage.connection_string)
