"""Who describes, and how describers are run as child processes, the same on every platform."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from describer.providers.identity import identify
from describer.rules import JobRules
from describer.settings import Settings as DescriberSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.settings import Settings

# A describer opens files of strangers, so it sees no secret but that of its own service.
_DESCRIBER_SEES = (
    *("PATH", "LANG", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR"),
    *("MAIL_INGEST_DESCRIBER", "MAIL_INGEST_DESCRIBER_MEMORY_MB"),
    *("MAIL_INGEST_MAX_PIXELS", "MAIL_INGEST_OCR"),
)
_THIRD_PARTY = "MAIL_INGEST_THIRD_PARTY_"
_WAITING_WORKERS = 4  # of a third party: they wait more than they work
_MORE_THAN_A_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Describers:
    """`provider` is the (id, version) that names cached descriptions."""

    provider: tuple[str, str]
    rules: JobRules

    @classmethod
    def read(cls, settings: Settings, environment: Mapping[str, str] | None = None) -> Describers:
        """As the environment says. Raises SettingsError."""
        visible = describer_environment(os.environ if environment is None else environment)
        describer = DescriberSettings.from_env(visible)
        identity = identify(describer)
        return cls(
            provider=(identity.name, identity.version),
            rules=_rules(settings, describer, visible),
        )


def describer_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What of our environment a describer gets: its own settings, and what an interpreter needs."""
    visible = {
        name: value
        for name, value in environment.items()
        if name in _DESCRIBER_SEES or name.startswith(_THIRD_PARTY)
    }
    return visible | {
        "PYTHONPATH": os.pathsep.join(_import_folders()),
        "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime; see describer/__init__.py
    }


def _import_folders() -> list[str]:
    """Where we found our packages, and a describer finds its own. Azure Functions adds the folder
    .python_packages by PYTHONPATH, and may replace the environment after its start: what counts is
    sys.path. What is not absolute there is the working folder, or the hook of an editable install.
    """
    return [path for path in sys.path if Path(path).is_absolute()]


def _rules(
    settings: Settings, describer: DescriberSettings, environment: Mapping[str, str]
) -> JobRules:
    describe, third_party = settings.describe, describer.third_party
    # A service ends its work by its own deadline, which must come before we kill its process.
    least_s = third_party.deadline_s + _MORE_THAN_A_DEADLINE_S if third_party else 0.0
    return JobRules(
        workers=describe.workers or (_WAITING_WORKERS if third_party else 0),
        environment=environment,
        photo_time=timedelta(seconds=max(describe.photo_time_s, least_s)),
        video_time=timedelta(seconds=max(describe.video_time_s, least_s)),
    )
