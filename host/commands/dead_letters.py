"""mail-ingest dead-letters: what was given up, and another chance for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from host.stores import open_stores
from host.terminal import say, say_json, say_table
from shared.errors import UnknownSubmissionError
from shared.second_chance import given_up
from shared.second_chance import resubmit as take_up_again
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.ports import IndexEntry


def list_dead(*, as_json: bool) -> int:
    """Print the submissions that were given up, by us or by the queue, newest first."""
    entries = asyncio.run(_dead())
    if as_json:
        for entry in entries:
            say_json(entry)
    elif not entries:
        say("Nothing was given up.")
    else:
        rows = [(entry.submission_id, entry.received_at, entry.reason) for entry in entries]
        say_table("Given up; originals and media are kept", ("ID", "received", "reason"), rows)
        say("Mend the cause, then: mail-ingest dead-letters resubmit ID")
    return 0


def resubmit(submission_id: str) -> int:
    """Let the server take a submission up again."""
    if not asyncio.run(_resubmit(submission_id)):
        raise UnknownSubmissionError(submission_id)
    say(f"{submission_id} will be taken up again by the server.")
    return 0


async def _dead() -> Sequence[IndexEntry]:
    async with open_stores(Settings.read()) as stores:
        return await given_up(stores.index, stores.queue)


async def _resubmit(submission_id: str) -> bool:
    async with open_stores(Settings.read()) as stores:
        return await take_up_again(stores.index, stores.queue, stores.clock, submission_id)
