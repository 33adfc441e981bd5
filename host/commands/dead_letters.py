"""mail-ingest dead-letters: what was given up, and another chance for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from host.stores import open_existing
from host.terminal import say, say_json, say_table
from shared.errors import IngestError
from shared.second_chance import given_up
from shared.second_chance import resubmit as take_up_again
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.ports import IndexEntry
    from shared.second_chance import DeadEvent


class NotGivenUpError(IngestError):
    """There is nothing to give another chance to."""

    def __init__(self, which: str) -> None:
        super().__init__(
            f"Nothing with the ID {which} was given up. `mail-ingest dead-letters list` shows what"
            " was."
        )
        self.which = which


def list_dead(*, as_json: bool) -> int:
    """Print the submissions that were given up, by us or by the queue, and then the events, each
    newest first.
    """
    entries, events = asyncio.run(_dead())
    if as_json:
        for each in (*entries, *events):
            say_json(each)
    elif not entries and not events:
        say("Nothing was given up.")
    else:
        rows = [(entry.submission_id, entry.received_at, entry.reason) for entry in entries]
        rows += [(event.submission_id, event.time, _reason(event)) for event in events]
        say_table("Given up; originals and media are kept", ("ID", "time", "reason"), rows)
        say("Mend the cause, then: mail-ingest dead-letters resubmit ID")
    return 0


def resubmit(which: str) -> int:
    """Let the server take up a submission again, and deliver its events, or one event."""
    reopened, events = asyncio.run(_resubmit(which))
    if not reopened and not events:
        raise NotGivenUpError(which)
    if reopened:
        say(f"{which} will be taken up again by the server.")
    if events:
        say(f"Events that will be delivered again by the server: {events}.")
    return 0


def _reason(event: DeadEvent) -> str:
    return f"Nobody took its event {event.event_id} (attempts: {event.attempts:,})."


async def _dead() -> tuple[Sequence[IndexEntry], Sequence[DeadEvent]]:
    async with open_existing(Settings.read()) as stores:
        events = await stores.dead_events.list() if stores.dead_events else ()
        return await given_up(stores.index, stores.queue), events


async def _resubmit(which: str) -> tuple[bool, int]:
    async with open_existing(Settings.read()) as stores:
        events = await stores.dead_events.deliver_again(which) if stores.dead_events else 0
        return await take_up_again(stores.index, stores.queue, stores.clock, which), events
