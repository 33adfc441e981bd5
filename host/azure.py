"""The choice of every port on Azure, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host.functions import AzureParts
    from shared.settings import Settings
    from shared.settings.azure import AzureSettings


def build(settings: Settings, azure: AzureSettings) -> AzureParts:
    """Every port. Nothing is connected, and no SDK is imported, before a port is used."""
    raise NotImplementedError
