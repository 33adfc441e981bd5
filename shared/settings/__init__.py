"""Every setting, in groups, with what a person must know of each. `shared.config` reads them.

docs/configuration.md is printed from these lines (`make docs`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from shared.config import read_settings
from shared.settings.doors import (
    SHIPPED_RULES,
    HttpDoorSettings,
    PlaceSettings,
    SmtpDoorSettings,
)
from shared.settings.intake import IntakeSettings
from shared.settings.telemetry import TelemetrySettings
from shared.settings.work import AnswerSettings, DescribeSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SHIPPED_RULES", "Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of them."""

    place: PlaceSettings = field(default_factory=PlaceSettings)
    http: HttpDoorSettings = field(default_factory=HttpDoorSettings)
    smtp_in: SmtpDoorSettings = field(default_factory=SmtpDoorSettings)
    intake: IntakeSettings = field(default_factory=IntakeSettings)
    describe: DescribeSettings = field(default_factory=DescribeSettings)
    answer: AnswerSettings = field(default_factory=AnswerSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the environment. Raises SettingsError, naming the variable."""
        return cls(
            place=read_settings(PlaceSettings, environment),
            http=read_settings(HttpDoorSettings, environment),
            smtp_in=read_settings(SmtpDoorSettings, environment),
            intake=read_settings(IntakeSettings, environment),
            describe=read_settings(DescribeSettings, environment),
            answer=read_settings(AnswerSettings, environment),
            telemetry=read_settings(TelemetrySettings, environment),
        )
