"""Describes one photo or video: our own reading of the file, and what a provider sees in it.

When and where it was taken, its size, hash, thumbnail and video facts are always our own reading,
so they are the same whichever provider says the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from describer.dhash import dhash
from describer.media import Limits, UnreadableMediaError
from describer.photo import read_photo
from describer.providers.base import Refused, Unavailable
from describer.providers.choose import load_provider
from describer.providers.identity import Identity, identify, reads_text
from describer.thumbnail import thumbnail
from describer.video import read_video
from shared.description import Description
from shared.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from describer.media import Reading, Source
    from describer.providers.base import Findings, Provider
    from describer.providers.exchange import AnyService
    from describer.settings import Settings

_SIDE_FOR_MODELS = 832  # twice what the largest of them looks at
_SIDE_FOR_TEXT = 1600
_SIDE_FOR_SERVICES = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The description, and a JPEG of at most 320 pixels a side."""

    description: Description
    thumbnail: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The media cannot be described, now or later; `reason` is a sentence for its sender."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Describer:
    """Describes media with one provider; keep it, because providers load models."""

    provider: Provider
    identity: Identity
    limits: Limits

    @classmethod
    def load(
        cls,
        settings: Settings,
        service: AnyService | None = None,
        *,
        set_alarm: Callable[[float], None] | None = None,
    ) -> Self:
        """Load the provider of the settings. `set_alarm`: see `Limits`; only a process of our own
        may be ended. Raises SettingsError and ModelDamagedError.
        """
        limits = Limits(max_pixels=settings.max_pixels, longest_side=_longest_side(settings))
        return cls(
            provider=load_provider(settings, service),
            identity=identify(settings),
            limits=limits if set_alarm is None else replace(limits, set_alarm=set_alarm),
        )

    def describe(self, source: Source) -> Described | Unreadable | Unavailable:
        """Open the file, ask the provider, and put both together."""
        if not source.is_there:
            return Unavailable(reason="The file to describe is not there.")
        try:
            reading = _read(source, self.limits)
        except UnreadableMediaError as exc:
            return Unreadable(reason=str(exc))
        findings = self.provider.find(source, reading)
        match findings:
            case Refused():
                return Unreadable(reason=findings.sentence)
            case Unavailable():
                return findings
            case _:
                return Described(
                    description=_description(self.identity.name, reading, findings),
                    thumbnail=thumbnail(reading.poster),
                )


def _longest_side(settings: Settings) -> int:
    if settings.third_party is not None:
        return _SIDE_FOR_SERVICES
    return _SIDE_FOR_TEXT if reads_text(settings) else _SIDE_FOR_MODELS


def _read(source: Source, limits: Limits) -> Reading:
    read = read_video if source.kind is Kind.VIDEO else read_photo
    with source.opened() as file:
        try:
            return read(file, limits)
        finally:
            limits.set_alarm(0)


def _description(provider: str, reading: Reading, findings: Findings) -> Description:
    return Description(
        kind=reading.kind,
        provider=provider,
        model=findings.model,
        language=findings.language,
        caption=findings.caption,
        labels=findings.labels,
        objects=findings.objects,
        people=findings.people,
        text=findings.text,
        safety=findings.safety,
        video=reading.video,
        capture=reading.capture,
        perceptual_hash=dhash(reading.poster),
        width=reading.width,
        height=reading.height,
        warnings=(*reading.warnings, *findings.warnings),
        raw=findings.raw,
    )
