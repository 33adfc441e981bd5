"""Whether submissions can be taken and worked on: what /health/ready and `doctor` tell."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from host.lazy import open_now
from http_intake.doors import Readiness
from shared.errors import IngestError, SettingsError
from shared.ports import SubmissionState

if TYPE_CHECKING:
    from host.azure import AzureParts
    from host.local import LocalParts
    from shared.ports import Engine, SubmissionIndex
    from shared.second_chance import DeadEvents

_LEAST_FREE_BYTES = 500_000_000
_MOST_COUNTED = 1000


async def readiness(parts: LocalParts) -> Readiness:
    """Not ready means that nothing more can be taken. What was given up waits for a person, but
    does not close the doors: it is a warning.
    """
    free = (await asyncio.to_thread(shutil.disk_usage, parts.folder.path)).free
    reasons = [] if free >= _LEAST_FREE_BYTES else [f"Only {free:,} bytes of disk are free."]
    indexed = await index_readiness(parts.services.stores.index)
    warnings = [*indexed.warnings, *await _warning_of_events(parts.services.stores.dead_events)]
    try:
        failed = len(await parts.engine.failed(_MOST_COUNTED))
    except IngestError as exc:
        reasons.append(str(exc))
    else:
        if failed > indexed.dead_letters:
            warnings.append(f"{failed} orchestrations failed or are stuck; see the log.")
    reasons.extend(indexed.reasons)
    return replace(indexed, ready=not reasons, reasons=tuple(reasons), warnings=tuple(warnings))


async def _warning_of_events(events: DeadEvents | None) -> list[str]:
    """Nothing when they cannot be read: the index cannot then either, and says so."""
    try:
        dead = len(await events.list(limit=_MOST_COUNTED)) if events else 0
    except IngestError:
        return []
    told = f"Events that were given up: {dead}; see `mail-ingest dead-letters list`."
    return [told] if dead else []


async def index_readiness(index: SubmissionIndex) -> Readiness:
    """What the index alone tells."""
    try:
        dead = len(await index.list(state=SubmissionState.DEAD_LETTERED, limit=_MOST_COUNTED))
    except IngestError as exc:
        return Readiness(ready=False, reasons=(str(exc),))
    warning = f"{dead} submissions were given up: see `mail-ingest dead-letters list`."
    return Readiness(ready=True, warnings=(warning,) if dead else (), dead_letters=dead)


async def app_readiness(parts: AzureParts) -> Readiness:
    """What the index tells, once every port of a Functions app opens: what is not set is said here,
    before a submission meets it.
    """
    stores = parts.services.stores
    try:
        open_now(stores.blobs, stores.index, stores.queue, stores.publisher, stores.replies)
        open_now(stores.telemetry, parts.jobs, parts.mailbox)
    except SettingsError as exc:
        return Readiness(ready=False, reasons=(str(exc),))
    return await index_readiness(stores.index)


async def hub_readiness(index: SubmissionIndex, engine: Engine) -> Readiness:
    """What the index tells, while the task hub answers."""
    try:
        await engine.instance("readiness")
    except IngestError as exc:
        return Readiness(ready=False, reasons=(str(exc),))
    return await index_readiness(index)
