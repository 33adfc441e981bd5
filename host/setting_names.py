"""Names in the environment that claim to be settings of ours and are none: most are mistyped.

Only names are looked at, never values, so nothing that is said of them can be a secret.
"""

from __future__ import annotations

import logging
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from describer.settings import NAMES as DESCRIBER_NAMES
from shared.config import PREFIX, given_names
from shared.settings import Settings
from shared.settings.azure import AzureSettings

if TYPE_CHECKING:
    from collections.abc import Collection

logger = logging.getLogger(__name__)

# What Kubernetes tells every container about a service, here one called mail-ingest-something:
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_HOST_OF_SERVICE = "_SERVICE_HOST"
_OF_SERVICE = r"_SERVICE_(HOST|PORT(_\w+)?)|_PORT(_[0-9]+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)?"


def known_names() -> frozenset[str]:
    """The name of every setting, whichever program reads it."""
    groups: list[Any] = [
        group.default_factory for kind in (Settings, AzureSettings) for group in fields(kind)
    ]
    ours = {each.metadata["name"] for group in groups for each in fields(group)}
    return DESCRIBER_NAMES | ours


def unknown_settings(given: Collection[str]) -> tuple[str, ...]:
    """A sentence for each of these names that no program reads, with the closest one that is."""
    known = known_names()
    strange = sorted(name for name in given if name not in known and not _of_service(name, given))
    return tuple(_sentence(name, known) for name in strange)


def warn_of_unknown_settings() -> None:
    """Log a line for each of them in the environment. For the start of a program: its default is
    taken for a mistyped setting, and nothing else would tell.
    """
    for sentence in unknown_settings(given_names()):
        # Not as a fact beside a constant text: at the start of its app, a Functions host passes on
        # the text of a line and nothing else.
        logger.warning("%s", sentence, extra={"action": "setting_unknown"})


def _of_service(name: str, given: Collection[str]) -> bool:
    services = [each for each in given if each.endswith(_HOST_OF_SERVICE)]
    prefixes = [service.removesuffix(_HOST_OF_SERVICE) for service in services]
    return any(re.fullmatch(f"{re.escape(prefix)}({_OF_SERVICE})", name) for prefix in prefixes)


def _sentence(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    # What all names have in common would make any two of them look alike.
    ends = [each.removeprefix(PREFIX) for each in known if each.startswith(PREFIX)]
    close = get_close_matches(name.upper().removeprefix(PREFIX), sorted(ends), n=1)
    hint = f"did you mean {PREFIX}{close[0]}?" if close else "docs/configuration.md names them all."
    return f"{name} is not a setting; {hint}"
