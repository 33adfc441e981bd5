"""mail-ingest doctor --deep: reads all that is stored and names what is lost or changed."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from adapters.local.durable.history_store import root_instance_ids
from host.data_folder import DataFolder
from host.integrity import Integrity
from host.stores import on_azure, open_existing
from host.terminal import note, progress, say
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from host.integrity import Damage

_PAGE = 1000
_REMEDY = (
    "Restore what is named from a copy of the data; docs/runbook.md (Lost and damaged data) says"
    " what to do where there is none."
)


def doctor_deep() -> int:
    """Say which submissions are damaged, and how; exit code 1 when one is. Raises NoDataError."""
    found = asyncio.run(_check(Settings.read()))
    if found:
        say(f"WRONG  stored data: lost or damaged: {found:,}. {_REMEDY}")
        return 1
    say("ok     stored data: every blob, row and instance is there, as it was taken.")
    return 0


async def _check(settings: Settings) -> int:
    async with open_existing(settings) as stores:
        integrity = Integrity(blobs=stores.blobs, index=stores.index)
        with progress("Checking submissions", None) as step:
            found = await _name(integrity.of_records(step))
        found += await _name(integrity.of_rows())
        return found + await _name(integrity.of_instances(_instance_ids(settings)))


async def _name(damages: AsyncGenerator[Damage]) -> int:
    found = 0
    async with aclosing(damages):
        async for damage in damages:
            say(f"WRONG  {damage.submission_id}: {damage.sentence}")
            found += 1
    return found


async def _instance_ids(settings: Settings) -> AsyncGenerator[str]:
    """Of the engine of this machine; nobody but Azure can list those of Durable Functions."""
    if on_azure():
        note("The instances of Durable Functions are not checked.")
        return
    folder = DataFolder.at(settings.place.data)
    if folder.is_served():
        note("A server runs on this folder and keeps its engine to itself: instances not checked.")
        return
    after = ""
    while page := await asyncio.to_thread(root_instance_ids, folder.engine, after, _PAGE):
        for instance_id in page:
            yield instance_id
        after = page[-1]
