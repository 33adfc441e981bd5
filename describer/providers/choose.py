"""The provider that the settings name, loaded and warm.

The imports are local: the models need half a second and 300 MB, a third party needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from describer.providers.identity import reads_text

if TYPE_CHECKING:
    from describer.providers.base import Provider
    from describer.providers.exchange import AnyService
    from describer.settings import Settings


def load_provider(settings: Settings, service: AnyService | None) -> Provider:
    """The provider; `service` asks a third party, if not directly. Raises SettingsError."""
    if settings.third_party is not None:
        from describer.providers.third_party import ThirdParty

        return ThirdParty.from_settings(settings.third_party, service)
    from describer.providers.local_models import LocalModels

    return LocalModels(ocr=reads_text(settings))
