"""Whether submissions can be taken and worked on: what /health/ready and `doctor` tell."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from http_intake.doors import Readiness
from shared.errors import IngestError
from shared.ports import SubmissionState

if TYPE_CHECKING:
    from host.local import LocalParts

_LEAST_FREE_BYTES = 500_000_000
_MOST_COUNTED = 1000


async def readiness(parts: LocalParts) -> Readiness:
    """Not ready means that nothing more can be taken. What was given up waits for a person, but
    does not close the doors: it is a warning.
    """
    free = (await asyncio.to_thread(shutil.disk_usage, parts.folder.path)).free
    reasons = [] if free >= _LEAST_FREE_BYTES else [f"Only {free:,} bytes of disk are free."]
    try:
        dead = len(
            await parts.services.stores.index.list(
                state=SubmissionState.DEAD_LETTERED, limit=_MOST_COUNTED
            )
        )
        failed = len(await parts.engine.failed(_MOST_COUNTED))
    except IngestError as exc:
        return Readiness(ready=False, reasons=(*reasons, str(exc)))
    warnings: list[str] = []
    if dead:
        warnings.append(f"{dead} submissions were given up: see `mail-ingest dead-letters list`.")
    if failed > dead:
        warnings.append(f"{failed} orchestrations failed or are stuck; see the log.")
    return Readiness(
        ready=not reasons, reasons=tuple(reasons), warnings=tuple(warnings), dead_letters=dead
    )
