"""What is run in each container, whichever service runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CONTAINER = "describer"  # the name of the one container
JOBS_URL = "JOBS_URL"  # describer/assignment.py
LAUNCH = "MAIL_INGEST_LAUNCH"  # not read by anybody but us: what the container was started for


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The describer's image, and its environment beside JOBS_URL. `secrets` are never shown by
    Azure.
    """

    image: str
    cpu: float = 2.0
    memory_gb: float = 4.0
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
