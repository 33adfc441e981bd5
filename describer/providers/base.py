"""What a provider is: it says what a photo or video shows. Everything else is our own reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from shared.description import (
    Caption,
    DetectedObject,
    Label,
    Model,
    People,
    Safety,
    TextLine,
)

if TYPE_CHECKING:
    from describer.media import Reading, Source
    from shared.model import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a provider found: the parts of a description that it is asked for."""

    model: Model
    caption: Caption | None = None
    labels: tuple[Label, ...] = ()
    objects: tuple[DetectedObject, ...] = ()
    people: People = field(default_factory=People)
    text: tuple[TextLine, ...] = ()
    safety: Safety = field(default_factory=Safety)
    language: str = "en"
    warnings: tuple[str, ...] = ()
    raw: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The provider says that this media is bad: a retry cannot cure it."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """The provider gave no usable answer this time; `retry_after_s` is the pause it asked for."""

    reason: str
    retry_after_s: float | None = None


class Provider(Protocol):
    """Says what media shows. Never raises for a refusal or an outage: those are its values."""

    def find(self, source: Source, reading: Reading) -> Findings | Refused | Unavailable:
        """Look at one photo or video that we could open."""
        ...
