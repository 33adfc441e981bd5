"""The stores of the platform that the settings name, for a command beside the servers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shared.settings.azure import AzureSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from host.services import Stores
    from shared.settings import Settings


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncGenerator[Stores]:
    """The ports that keep and tell things: of Azure where a storage account is set, else of this
    machine. Raises SettingsError.
    """
    azure = AzureSettings.read()
    if azure.storage.blob_url or azure.storage.connection_string:
        async with _azure_stores(settings, azure) as stores:
            yield stores
        return
    from host.local import local_stores

    with local_stores(settings) as stores:
        yield stores


@asynccontextmanager
async def _azure_stores(settings: Settings, azure: AzureSettings) -> AsyncGenerator[Stores]:
    from host.azure import build

    parts = build(settings, azure)
    try:
        yield parts.services.stores
    finally:
        await parts.close()
