"""The name of who describes, known without loading a model: cached descriptions carry it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from describer.providers.mapping import load_mapping

if TYPE_CHECKING:
    from describer.settings import Settings, ThirdPartySettings

LOCAL_MODELS_VERSION = "1"  # count it up when models, thresholds or captions change


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who describes, and in which version; a new version is asked again for known media."""

    name: str
    version: str

    @property
    def id(self) -> str:
        """``<provider>-<version>``, the file name of a description without its ending."""
        return f"{self.name}-{self.version}"


def identify(settings: Settings) -> Identity:
    """Who describes under these settings. Raises SettingsError for an unreadable mapping."""
    if settings.third_party is not None:
        return _third_party(settings.third_party)
    name = "local-models-ocr" if reads_text(settings) else "local-models"
    return Identity(name=name, version=LOCAL_MODELS_VERSION)


def reads_text(settings: Settings) -> bool:
    """Whether the local models read text: it is asked for, and the extra is installed."""
    return settings.ocr and find_spec("rapidocr") is not None


def _third_party(settings: ThirdPartySettings) -> Identity:
    """The version is a hash of the mapping and the URL: a change of either is a new version."""
    mapping = load_mapping(settings.mapping)
    return Identity(name=f"third-party-{mapping.name}", version=mapping.fingerprint(settings.url))
